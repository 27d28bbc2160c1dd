import type { Client } from 'pg';
import { compileMigrations } from '../lib/cli/folder';
import { printProblem } from '../lib/cli/terminal/problems';
import { printError } from '../lib/cli/terminal/report';
import { CompileError } from '../lib/compiler/problem';
import { marketplace } from '../test/incidents';
import { dumpCatalog } from '../test/support/dump-catalog';
import type { Act, Stage } from './stage';

const BROKEN_DEPLOYMENTS = [
  {
    what: 'A statement that does not parse is refused before it is sent to a database:',
    up: "ALTER TABLE lead_purchases ADD COLUMN currency text DEFUALT 'USD';",
  },
  {
    what: 'The server rejects the third statement, and the two before it are rolled back:',
    up: `ALTER TABLE lead_purchases ADD COLUMN currency text;
ALTER TABLE lead_purchases ALTER COLUMN currency SET DEFAULT 'USD';
COMMENT ON COLUMN lead_purchases.curency IS 'ISO 4217';`,
  },
  {
    what: 'The server accepts every statement, but a misspelled name means that nothing changes; the verify section notices:',
    up: 'ALTER TABLE IF EXISTS lead_purchase ADD COLUMN currency text;',
  },
];

/** Runs deployments that must fail, and compares catalog and rows of the database before and after. */
export const failedDeploymentsAct: Act = {
  title: 'Deployments that fail leave nothing behind',
  play: async (stage) => {
    const { out } = stage;
    const { database } = marketplace;
    const before = await stage.withClient(database, dumpDatabase);
    const refused: { what: string; error: string }[] = [];
    for (const { what, up } of BROKEN_DEPLOYMENTS) {
      out.line(`  ${what}`);
      refused.push({ what, error: await deployBroken(stage, up) });
    }
    const after = await stage.withClient(database, dumpDatabase);
    if (after !== before) throw new Error('the broken deployments changed the database');
    out.line(`  ${out.colors.green('unchanged')}: catalog and rows of ${database} are the same as before.`);
    return {
      summary: `${refused.length} broken deployments were refused and left the database unchanged`,
      facts: { refused, unchanged: true },
    };
  },
};

/**
 * Deploys the migration and expects it to fail.
 * @returns the error messages
 */
async function deployBroken(stage: Stage, up: string): Promise<string> {
  const verify = "SELECT trueup.has_column('lead_purchases', 'currency');";
  const sql = `-- migrate:up\n${up}\n-- migrate:verify\n${verify}\n`;
  const folder = stage.copyFolder(marketplace.folder, { '0003_currency.sql': sql });
  try {
    await compileMigrations(folder);
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    // The name of a temporary folder is not useful to the reader.
    for (const problem of error.problems) printProblem(stage.indented.err, marketplace.database, problem);
    return error.problems.map(({ message }) => message).join('; ');
  }
  const outcome = await stage.deploy(await stage.openOperations(folder));
  if (outcome.status !== 'failed') throw new Error(`deployed although it is broken: ${up}`);
  printError(stage.indented.err, outcome.error);
  return outcome.error.message;
}

/** Dumps everything that a deployment could have changed: the catalog, and every row of every table. */
async function dumpDatabase(client: Client): Promise<string> {
  const { rows } = await client.query(
    `SELECT query_to_xml(format('SELECT * FROM %s t ORDER BY t::text', oid::regclass), true, false, '')::text AS rows
     FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname`,
  );
  return JSON.stringify([await dumpCatalog(client), rows]);
}
