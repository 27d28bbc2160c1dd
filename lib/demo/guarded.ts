import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { printError } from '../cli/terminal/report';
import { hang, indented } from '../cli/terminal/terminal';
import { loadParser } from '../compiler/read/parser';
import { promiseOf, workloadFrom } from '../workload/promise';
import { converge } from './deploy';
import { marketplace } from './incidents';
import type { Act, Stage } from './stage';

const BUYS = 'INSERT INTO lead_purchases (lead_id, agent_id, price_cents) VALUES ($1, $2, $3);\n';
const BUYS_IN_CURRENCY =
  'INSERT INTO lead_purchases (lead_id, agent_id, price_cents, currency) VALUES ($1, $2, $3, $4);\n';
const LISTS = 'SELECT id, price_cents FROM lead_purchases WHERE agent_id = $1;\n';

/** What each application sends: the one that is running, and the one that knows the new column. */
const OLD = `-- role app; calls 51234\n${BUYS}-- role app; calls 902\n${LISTS}`;
const NEW = `-- role app; calls 51234\n${BUYS_IN_CURRENCY}-- role app; calls 902\n${LISTS}`;

const VERIFY = `-- migrate:verify
SELECT trueup.has_column('lead_purchases', 'currency');
SELECT trueup.col_not_null('lead_purchases', 'currency');
`;
const ADD = "ALTER TABLE lead_purchases ADD COLUMN currency text NOT NULL DEFAULT 'USD';\n";
const REQUIRE = 'ALTER TABLE lead_purchases ALTER COLUMN currency DROP DEFAULT;\n';

interface Deployment {
  readonly what: string;
  readonly files: Readonly<Record<string, string>>;
  readonly workload: string;
}

const FIRST: Deployment = { what: 'the statements that the application sends', files: {}, workload: OLD };
const AT_ONCE: Deployment = {
  what: 'A currency that every purchase must name, deployed at once with the application that names it',
  files: { '0003_currency.sql': `-- migrate:up\n${ADD}${REQUIRE}${VERIFY}` },
  workload: NEW,
};
const EXPAND: Deployment = {
  what: 'the column with a default, and its application',
  files: { '0003_currency.sql': `-- migrate:up\n${ADD}${VERIFY}` },
  workload: NEW,
};
const CONTRACT: Deployment = {
  what: 'then the default goes',
  files: { ...EXPAND.files, '0004_currency_named.sql': `-- migrate:up\n${REQUIRE}${VERIFY}` },
  workload: NEW,
};

/** Its own checks pass, and the application that is still running would have failed. */
export const guarded: Act = {
  title: "A migration may not break the running application's statements",
  play: async (stage) => {
    const { out } = stage;
    const { colors } = out;
    await loadParser();
    await deployed(stage, FIRST);
    out.line(`  ${AT_ONCE.what}; its checks pass:`);
    const refused = await converge(stage, await operationsFor(stage, AT_ONCE));
    if (refused.status !== 'failed' || refused.error.code !== 'workload')
      throw new Error('the running application was not protected');
    printError(indented({ ...stage.terminal, err: out }).err, refused.error);
    for (const step of [EXPAND, CONTRACT]) await deployed(stage, step);
    hang(out, `  ${colors.green('applied')}  `, `in two deployments: ${EXPAND.what}; ${CONTRACT.what}`);
    return {
      summary: [
        'a migration that would have broken an INSERT of the running application was refused; the same change in two deployments passed',
      ],
      facts: { guarded: refused.error },
    };
  },
};

async function operationsFor(stage: Stage, { files, workload }: Deployment) {
  const folder = join(stage.newFolder(), marketplace.database);
  cpSync(marketplace.folder, folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const promise = promiseOf(workloadFrom(workload, 'workload.sql').entries);
  return stage.operations(marketplace, folder, promise);
}

async function deployed(stage: Stage, deployment: Deployment): Promise<void> {
  const outcome = await converge(stage, await operationsFor(stage, deployment));
  if (outcome.status === 'failed') throw new Error(`${deployment.what}: ${outcome.error.message}`);
}
