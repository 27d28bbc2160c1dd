import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { printError } from '../cli/terminal/report';
import { indentTerminal, printHanging } from '../cli/terminal/terminal';
import { loadParser } from '../compiler/read/parser';
import { buildGuaranteedWorkload, parseWorkloadFile } from '../workload/guaranteed-workload';
import { converge } from './deploy-act';
import { marketplace } from './incidents';
import type { Act, Stage } from './stage';

const INSERT_PURCHASE = 'INSERT INTO lead_purchases (lead_id, agent_id, price_cents) VALUES ($1, $2, $3);\n';
const INSERT_PURCHASE_WITH_CURRENCY =
  'INSERT INTO lead_purchases (lead_id, agent_id, price_cents, currency) VALUES ($1, $2, $3, $4);\n';
const SELECT_PURCHASES = 'SELECT id, price_cents FROM lead_purchases WHERE agent_id = $1;\n';

/** The statements of each application: the one that is running, and the one that knows the new column. */
const OLD_WORKLOAD = `-- role app; calls 51234\n${INSERT_PURCHASE}-- role app; calls 902\n${SELECT_PURCHASES}`;
const NEW_WORKLOAD = `-- role app; calls 51234\n${INSERT_PURCHASE_WITH_CURRENCY}-- role app; calls 902\n${SELECT_PURCHASES}`;

const VERIFY_SECTION = `-- migrate:verify
SELECT trueup.has_column('lead_purchases', 'currency');
SELECT trueup.col_not_null('lead_purchases', 'currency');
`;
const ADD_COLUMN_SQL = "ALTER TABLE lead_purchases ADD COLUMN currency text NOT NULL DEFAULT 'USD';\n";
const DROP_DEFAULT_SQL = 'ALTER TABLE lead_purchases ALTER COLUMN currency DROP DEFAULT;\n';

interface Deployment {
  readonly what: string;
  readonly files: Readonly<Record<string, string>>;
  readonly workload: string;
}

const INITIAL_DEPLOYMENT: Deployment = {
  what: 'the statements that the application sends',
  files: {},
  workload: OLD_WORKLOAD,
};
const SINGLE_STEP_DEPLOYMENT: Deployment = {
  what: 'A required currency for each purchase, deployed together with the application that sets it',
  files: { '0003_currency.sql': `-- migrate:up\n${ADD_COLUMN_SQL}${DROP_DEFAULT_SQL}${VERIFY_SECTION}` },
  workload: NEW_WORKLOAD,
};
const EXPAND_DEPLOYMENT: Deployment = {
  what: 'the column with a default, and the new application',
  files: { '0003_currency.sql': `-- migrate:up\n${ADD_COLUMN_SQL}${VERIFY_SECTION}` },
  workload: NEW_WORKLOAD,
};
const CONTRACT_DEPLOYMENT: Deployment = {
  what: 'then the default is dropped',
  files: {
    ...EXPAND_DEPLOYMENT.files,
    '0004_currency_named.sql': `-- migrate:up\n${DROP_DEFAULT_SQL}${VERIFY_SECTION}`,
  },
  workload: NEW_WORKLOAD,
};

/** Shows a migration whose own checks pass, although the running application would have failed. */
export const workloadGuardAct: Act = {
  title: "A migration must not break the running application's statements",
  play: async (stage) => {
    const { out } = stage;
    const { colors } = out;
    await loadParser();
    await deployOrFail(stage, INITIAL_DEPLOYMENT);
    out.line(`  ${SINGLE_STEP_DEPLOYMENT.what}; its checks pass:`);
    const refused = await converge(stage, await createOperations(stage, SINGLE_STEP_DEPLOYMENT));
    if (refused.status !== 'failed' || refused.error.code !== 'workload')
      throw new Error('the running application was not protected');
    printError(indentTerminal({ ...stage.terminal, err: out }).err, refused.error);
    for (const step of [EXPAND_DEPLOYMENT, CONTRACT_DEPLOYMENT]) await deployOrFail(stage, step);
    printHanging(
      out,
      `  ${colors.green('applied')}  `,
      `in two deployments: ${EXPAND_DEPLOYMENT.what}; ${CONTRACT_DEPLOYMENT.what}`,
    );
    return {
      summary: [
        'a migration that would have broken an INSERT of the running application was refused; the same change in two deployments passed',
      ],
      facts: { guarded: refused.error },
    };
  },
};

async function createOperations(stage: Stage, { files, workload }: Deployment) {
  const folder = join(stage.newFolder(), marketplace.database);
  cpSync(marketplace.folder, folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const promise = buildGuaranteedWorkload(parseWorkloadFile(workload, 'workload.sql').entries);
  return stage.operations(marketplace, folder, promise);
}

async function deployOrFail(stage: Stage, deployment: Deployment): Promise<void> {
  const outcome = await converge(stage, await createOperations(stage, deployment));
  if (outcome.status === 'failed') throw new Error(`${deployment.what}: ${outcome.error.message}`);
}
