import { printError } from '../lib/cli/terminal/report';
import { loadParser } from '../lib/compiler/read/parser';
import { buildGuaranteedWorkload, parseWorkloadFile } from '../lib/workload/guaranteed-workload';
import { marketplace } from '../test/incidents';
import type { Act, Stage } from './stage';

const SELECT_SQL = 'SELECT id, price_cents FROM lead_purchases WHERE agent_id = $1;\n';

/** The statements of the running application, and of the one that knows the new column. */
const OLD_WORKLOAD = `-- role app; calls 51234
INSERT INTO lead_purchases (lead_id, agent_id, price_cents) VALUES ($1, $2, $3);
-- role app; calls 902
${SELECT_SQL}`;
const NEW_WORKLOAD = `-- role app; calls 51234
INSERT INTO lead_purchases (lead_id, agent_id, price_cents, currency) VALUES ($1, $2, $3, $4);
-- role app; calls 902
${SELECT_SQL}`;

const ADD_COLUMN_SQL = "ALTER TABLE lead_purchases ADD COLUMN currency text NOT NULL DEFAULT 'USD';\n";
const DROP_DEFAULT_SQL = 'ALTER TABLE lead_purchases ALTER COLUMN currency DROP DEFAULT;\n';

const writeMigration = (up: string): string => `-- migrate:up
${up}-- migrate:verify
SELECT trueup.has_column('lead_purchases', 'currency');
SELECT trueup.col_not_null('lead_purchases', 'currency');
`;

const SINGLE_STEP = { '0003_currency.sql': writeMigration(ADD_COLUMN_SQL + DROP_DEFAULT_SQL) };
const EXPAND = { '0003_currency.sql': writeMigration(ADD_COLUMN_SQL) };
const CONTRACT = { ...EXPAND, '0004_currency_named.sql': writeMigration(DROP_DEFAULT_SQL) };

/** Shows a migration whose own checks pass, although the running application would have failed. */
export const workloadGuardAct: Act = {
  title: "A migration must not break the running application's statements",
  play: async (stage) => {
    await loadParser();
    await deployOrFail(stage, {}, OLD_WORKLOAD);
    stage.out.line(
      '  A required currency for each purchase, deployed together with the application that sets it; its checks pass:',
    );
    const refused = await deploy(stage, SINGLE_STEP, NEW_WORKLOAD);
    if (refused.status !== 'failed' || refused.error.code !== 'workload')
      throw new Error('the running application was not protected');
    printError(stage.indented.err, refused.error);
    await deployOrFail(stage, EXPAND, NEW_WORKLOAD);
    await deployOrFail(stage, CONTRACT, NEW_WORKLOAD);
    stage.say(
      'applied',
      'in two deployments: the column with a default, and the new application; then the default is dropped',
    );
    return {
      summary:
        'a migration that would have broken an INSERT of the running application was refused; the same change in two deployments passed',
      facts: { guarded: refused.error },
    };
  },
};

type Files = Readonly<Record<string, string>>;

/** Deploys the migrations of `marketplace` and these, with the application that sends these statements. */
async function deploy(stage: Stage, files: Files, workload: string) {
  const { entries } = parseWorkloadFile(workload, 'workload.sql');
  const folder = stage.copyFolder(marketplace.folder, files);
  return stage.deploy(await stage.openOperations(folder, buildGuaranteedWorkload(entries)));
}

async function deployOrFail(stage: Stage, files: Files, workload: string): Promise<void> {
  const outcome = await deploy(stage, files, workload);
  if (outcome.status === 'failed') throw new Error(outcome.error.message);
}
