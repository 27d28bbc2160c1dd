import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Client } from 'pg';
import { compile } from '../cli/folder';
import { printProblem } from '../cli/terminal/problems';
import { printError } from '../cli/terminal/report';
import { indented } from '../cli/terminal/terminal';
import { CompileError } from '../compiler/problem';
import { dumpCatalogue } from './catalogue';
import { converge } from './deploy';
import { marketplace } from './incidents';
import type { Act, Stage } from './stage';

interface Broken {
  readonly what: string;
  readonly file: string;
  readonly sql: string;
}

const BROKEN: readonly Broken[] = [
  {
    what: 'A statement that cannot be read is refused before any database has seen it:',
    file: '0003_currency.sql',
    sql: `-- migrate:up
ALTER TABLE lead_purchases ADD COLUMN currency text DEFUALT 'USD';
-- migrate:verify
SELECT trueup.has_column('lead_purchases', 'currency');
`,
  },
  {
    what: 'The third statement is refused by the server, and the two before it are undone:',
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
    what: 'The server accepts every statement but nothing changes, because a name is misspelt; the checks notice:',
    file: '0003_currency.sql',
    sql: `-- migrate:up
ALTER TABLE IF EXISTS lead_purchase ADD COLUMN currency text;
-- migrate:verify
SELECT trueup.has_column('lead_purchases', 'currency');
`,
  },
];

/** Deployments that must not succeed; each is compared with the database before it, catalogue and rows. */
export const broken: Act = {
  title: 'Deployments that fail leave nothing behind',
  play: async (stage) => {
    const { out } = stage;
    const before = await stage.alone(marketplace, snapshot);
    const refused: { what: string; error: string }[] = [];
    for (const each of BROKEN) {
      out.line(`  ${each.what}`);
      refused.push({ what: each.what, error: await deployBroken(stage, each) });
    }
    const after = await stage.alone(marketplace, snapshot);
    if (after !== before) throw new Error('the database is not as it was before the broken deployments');
    out.line(
      `  ${out.colors.green('as it was')}: catalogue and rows of ${marketplace.database} are the same as before.`,
    );
    return {
      summary: [`${BROKEN.length} broken deployments were refused, and left the database as it was`],
      facts: { refused, unchanged: true },
    };
  },
};

/** @returns what was wrong */
async function deployBroken(stage: Stage, { file, sql }: Broken): Promise<string> {
  const folder = join(stage.newFolder(), marketplace.database);
  cpSync(marketplace.folder, folder, { recursive: true });
  writeFileSync(join(folder, file), sql);
  const show = indented({ ...stage.terminal, err: stage.out });
  try {
    await compile(folder);
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    // The name of a temporary folder tells nobody anything.
    for (const problem of error.problems) printProblem(show.err, marketplace.database, problem);
    return error.problems.map(({ message }) => message).join('; ');
  }
  const outcome = await converge(stage, await stage.operations(marketplace, folder));
  if (outcome.status !== 'failed') throw new Error(`${file} was deployed although it is broken`);
  printError(show.err, outcome.error);
  return outcome.error.message;
}

/** Everything that a deployment could have changed: the catalogue, and every row of every table. */
async function snapshot(client: Client): Promise<string> {
  const { rows } = await client.query(
    `SELECT query_to_xml(format('SELECT * FROM %s t ORDER BY t::text', oid::regclass), true, false, '')::text AS rows
     FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname`,
  );
  return JSON.stringify([await dumpCatalogue(client), rows]);
}
