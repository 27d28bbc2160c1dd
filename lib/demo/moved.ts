import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Client } from 'pg';
import { connectPg } from '../../lambda/postgres/pg';
import { type Audited, audit } from '../audit/audit';
import { counts } from '../audit/words';
import { readRoles, writeMigrations } from '../audit/write';
import { localOperations } from '../cli/database/local';
import { serverTarget } from '../cli/database/scratch';
import { compile } from '../cli/folder';
import { packageVersion } from '../cli/package';
import { hang, plural } from '../cli/terminal/terminal';
import { CompileError } from '../compiler/problem';
import { loadParser } from '../compiler/read/parser';
import { converge } from './deploy';
import { type Act, clientFor, type Stage } from './stage';

const OLD = `
  CREATE TABLE customers (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), email text NOT NULL, joined timestamptz NOT NULL DEFAULT now());
  CREATE UNIQUE INDEX one_email ON customers (lower(email));
  CREATE TABLE orders (id bigserial PRIMARY KEY, customer uuid NOT NULL CONSTRAINT of_customer REFERENCES customers ON DELETE CASCADE,
    cents bigint NOT NULL CONSTRAINT not_free CHECK (cents > 0), open boolean NOT NULL DEFAULT true);
  CREATE UNIQUE INDEX one_open ON orders (customer) WHERE open;
  CREATE VIEW spent AS SELECT customer, sum(cents) AS cents FROM orders GROUP BY customer;
  CREATE FUNCTION keep_email() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN new.email := old.email; RETURN new; END';
  CREATE TRIGGER email_stays BEFORE UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION keep_email();
  INSERT INTO customers SELECT md5(i::text)::uuid, 'c' || i || '@example.com' FROM generate_series(1, 40) AS i;
  INSERT INTO orders (customer, cents) SELECT id, 100 FROM customers;`;
/** AWS DMS creates "tables, primary keys, and in some cases, unique indexes". */
const NEW = `
  CREATE TABLE customers (id uuid PRIMARY KEY, email text NOT NULL, joined timestamptz NOT NULL);
  CREATE TABLE orders (id bigint PRIMARY KEY, customer uuid NOT NULL, cents bigint NOT NULL, open boolean NOT NULL);`;
const TABLES = ['customers', 'orders'] as const;
/** Nothing prevented it any more. */
const TWICE = 'INSERT INTO orders SELECT id + 1000, customer, cents, open FROM orders WHERE id <= 3';
const OLDEST_STAYS = 'DELETE FROM orders WHERE id > 1000';
const WORKS =
  "INSERT INTO orders (customer, cents) VALUES (md5('1')::uuid, 5) ON CONFLICT (customer) WHERE open DO NOTHING";

/** A move as movers do it: what it lost is found, written, deployed, and found no more. */
export const moved: Act = {
  title: 'A database is moved as AWS DMS moves it, and gets back what it lost',
  play: async (stage) => {
    const { out } = stage;
    const { colors } = out;
    const say = (word: string, text: string): void => hang(out, `  ${colors.green(word.padEnd(7))}  `, text);
    await loadParser();
    const [before, after] = [
      await databaseOf(stage, 'old_shop', OLD),
      await databaseOf(stage, 'new_shop', NEW),
    ];
    try {
      for (const table of TABLES) await copyRows(before, after, table);
      await after.query(TWICE);
      say('moved', `the tables, primary keys and rows of ${TABLES.join(' and ')}, and nothing else`);
      const found = await compared(stage);
      say('found', `${counts(found.findings)}: ${kindsOf(found)}`);
      const folder = join(stage.newFolder(), 'new_shop');
      const { report } = await writeMigrations(folder, found.findings, found.compared, await rolesOf(stage));
      const open = await openDecision(folder);
      say('written', `${plural(report.files.length, 'migration')}. A person has to decide first: ${open}`);
      await after.query(OLDEST_STAYS);
      decided(folder);
      say('by hand', 'the oldest order stays, and the line that asks is taken out of the file');
      const outcome = await converge(
        stage,
        localOperations({
          target: targetOf(stage, 'new_shop'),
          manifest: await compile(folder),
          namespace: 'new_shop',
          progress: stage.progress.report,
        }),
      );
      if (outcome.status === 'failed')
        throw new Error(`${outcome.error.migration}: ${outcome.error.message}`);
      const left = (await compared(stage)).findings;
      if (left.length > 0) throw new Error(`still lost: ${left.map(({ message }) => message).join(' ')}`);
      await after.query(WORKS);
      say('applied', `all ${report.files.length}; a second audit finds nothing, and ON CONFLICT works again`);
      return {
        summary: [
          `what a moved database had lost, ${plural(found.findings.length, 'finding')}, came back by migrations that the audit wrote`,
        ],
        facts: { lost: found.findings.map(({ id, object }) => `${id} ${object}`), written: report.files },
      };
    } finally {
      await Promise.all([before.end(), after.end()]);
    }
  },
};

const targetOf = ({ server, roots }: Stage, database: string) => serverTarget(server, database, roots);

async function databaseOf(stage: Stage, database: string, schema: string): Promise<Client> {
  const client = clientFor(targetOf(stage, 'postgres'));
  await client.connect();
  await client.query(`CREATE DATABASE ${database}`).finally(() => client.end());
  const made = clientFor(targetOf(stage, database));
  await made.connect();
  await made.query(schema);
  return made;
}

async function copyRows(from: Client, to: Client, table: string): Promise<void> {
  const { rows } = await from.query<{ all: string }>(`SELECT json_agg(t)::text AS all FROM ${table} t`);
  await to.query(`INSERT INTO ${table} SELECT * FROM json_populate_recordset(NULL::${table}, $1)`, [
    rows[0]!.all,
  ]);
}

async function reading<T>(
  stage: Stage,
  database: string,
  work: (db: Awaited<ReturnType<typeof connectPg>>) => Promise<T>,
): Promise<T> {
  const db = await connectPg({ ...targetOf(stage, database).pg, readOnly: true });
  return work(db).finally(() => db.close());
}

const compared = (stage: Stage): Promise<Audited> =>
  reading(stage, 'old_shop', (source) =>
    reading(stage, 'new_shop', (db) => audit(db, { source, version: packageVersion() })),
  );

const rolesOf = (stage: Stage): Promise<ReadonlySet<string>> => reading(stage, 'new_shop', readRoles);

/** `2 unique-lost, default-lost, …` */
function kindsOf({ findings }: Audited): string {
  const ids = [...new Set(findings.map(({ id }) => id))];
  return ids
    .map((id) => ({ id, count: findings.filter((each) => each.id === id).length }))
    .map(({ id, count }) => (count === 1 ? id : `${count} ${id}`))
    .join(', ');
}

/** What `check` refuses the folder for. */
async function openDecision(folder: string): Promise<string> {
  const error = await compile(folder).catch((thrown: unknown) => thrown);
  if (!(error instanceof CompileError)) throw new Error('the open decision was not refused');
  return error.problems.map(({ message }) => message.replace(/^a decision is open: /, '')).join('; ');
}

function decided(folder: string): void {
  for (const name of readdirSync(folder).filter((each) => each.endsWith('.sql'))) {
    const file = join(folder, name);
    writeFileSync(file, readFileSync(file, 'utf8').replace(/^-- migrate:decide .*\n/gm, ''));
  }
}
