import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Client } from 'pg';
import { compileMigrations } from '../cli/folder';
import { printProblem } from '../cli/terminal/problems';
import { printError } from '../cli/terminal/report';
import { indentTerminal } from '../cli/terminal/terminal';
import { CompileError } from '../compiler/problem';
import { converge } from './deploy-act';
import { dumpCatalog } from './dump-catalog';
import { marketplace } from './incidents';
import type { Act, Stage } from './stage';

interface BrokenDeployment {
  readonly what: string;
  readonly file: string;
  readonly sql: string;
}

const BROKEN_DEPLOYMENTS: readonly BrokenDeployment[] = [
  {
    what: 'A statement that does not parse is refused before it is sent to a database:',
    file: '0003_currency.sql',
    sql: `-- migrate:up
ALTER TABLE lead_purchases ADD COLUMN currency text DEFUALT 'USD';
-- migrate:verify
SELECT trueup.has_column('lead_purchases', 'currency');
`,
  },
  {
    what: 'The server rejects the third statement, and the two before it are rolled back:',
    file: '0003_discount.sql',
    sql: `-- migrate:up
ALTER TABLE lead_purchases ADD COLUMN discount_cents integer;
ALTER TABLE lead_purchases ALTER COLUMN discount_cents SET DEFAULT 0;
COMMENT ON COLUMN lead_purchases.discount IS 'granted by an agent';
-- migrate:verify
SELECT trueup.has_column('lead_purchases', 'discount_cents');
`,
  },
  {
    what: 'The server accepts every statement, but a misspelled name means that nothing changes; the verify section notices:',
    file: '0003_currency.sql',
    sql: `-- migrate:up
ALTER TABLE IF EXISTS lead_purchase ADD COLUMN currency text;
-- migrate:verify
SELECT trueup.has_column('lead_purchases', 'currency');
`,
  },
];

/** Runs deployments that must fail, and compares catalog and rows of the database before and after. */
export const failedDeploymentsAct: Act = {
  title: 'Deployments that fail leave nothing behind',
  play: async (stage) => {
    const { out } = stage;
    const before = await stage.alone(marketplace, dumpDatabase);
    const refused: { what: string; error: string }[] = [];
    for (const each of BROKEN_DEPLOYMENTS) {
      out.line(`  ${each.what}`);
      refused.push({ what: each.what, error: await deployBroken(stage, each) });
    }
    const after = await stage.alone(marketplace, dumpDatabase);
    if (after !== before) throw new Error('the broken deployments changed the database');
    out.line(
      `  ${out.colors.green('unchanged')}: catalog and rows of ${marketplace.database} are the same as before.`,
    );
    return {
      summary: [
        `${BROKEN_DEPLOYMENTS.length} broken deployments were refused and left the database unchanged`,
      ],
      facts: { refused, unchanged: true },
    };
  },
};

/**
 * Deploys the migration and expects it to fail.
 * @returns the error messages
 */
async function deployBroken(stage: Stage, { file, sql }: BrokenDeployment): Promise<string> {
  const folder = join(stage.newFolder(), marketplace.database);
  cpSync(marketplace.folder, folder, { recursive: true });
  writeFileSync(join(folder, file), sql);
  const show = indentTerminal({ ...stage.terminal, err: stage.out });
  try {
    await compileMigrations(folder);
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    // The name of a temporary folder is not useful to the reader.
    for (const problem of error.problems) printProblem(show.err, marketplace.database, problem);
    return error.problems.map(({ message }) => message).join('; ');
  }
  const outcome = await converge(stage, await stage.operations(marketplace, folder));
  if (outcome.status !== 'failed') throw new Error(`${file} was deployed although it is broken`);
  printError(show.err, outcome.error);
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
