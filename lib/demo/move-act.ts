import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Client } from 'pg';
import { connectPg } from '../../lambda/postgres/pg';
import { type AuditWithComparison, audit } from '../audit/audit';
import { formatCounts } from '../audit/words';
import { readRoles, writeMigrations } from '../audit/write';
import { createLocalOperations } from '../cli/database/local';
import { buildServerTarget } from '../cli/database/scratch';
import { compileMigrations } from '../cli/folder';
import { formatCount, printHanging } from '../cli/terminal/terminal';
import { CompileError } from '../compiler/problem';
import { loadParser } from '../compiler/read/parser';
import { packageVersion } from '../package';
import { converge } from './deploy-act';
import { type Act, createClient, type Stage } from './stage';

const OLD_SCHEMA_SQL = `
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
const NEW_SCHEMA_SQL = `
  CREATE TABLE customers (id uuid PRIMARY KEY, email text NOT NULL, joined timestamptz NOT NULL);
  CREATE TABLE orders (id bigint PRIMARY KEY, customer uuid NOT NULL, cents bigint NOT NULL, open boolean NOT NULL);`;
const TABLES = ['customers', 'orders'] as const;
/** Duplicates, which the moved database no longer prevents. */
const DUPLICATE_ROWS_SQL =
  'INSERT INTO orders SELECT id + 1000, customer, cents, open FROM orders WHERE id <= 3';
const DELETE_DUPLICATES_SQL = 'DELETE FROM orders WHERE id > 1000';
const UPSERT_SQL =
  "INSERT INTO orders (customer, cents) VALUES (md5('1')::uuid, 5) ON CONFLICT (customer) WHERE open DO NOTHING";

/**
 * Moves a database as migration tools do, then finds what was lost, writes migrations for it, deploys them, and audits
 * again without findings.
 */
export const moveAct: Act = {
  title: 'Restore what a database lost when it was moved as by AWS DMS',
  play: async (stage) => {
    const { out } = stage;
    const { colors } = out;
    const say = (word: string, text: string): void =>
      printHanging(out, `  ${colors.green(word.padEnd(7))}  `, text);
    await loadParser();
    const [before, after] = [
      await createDatabase(stage, 'old_shop', OLD_SCHEMA_SQL),
      await createDatabase(stage, 'new_shop', NEW_SCHEMA_SQL),
    ];
    try {
      for (const table of TABLES) await copyRows(before, after, table);
      await after.query(DUPLICATE_ROWS_SQL);
      say('moved', `the tables, primary keys and rows of ${TABLES.join(' and ')}, and nothing else`);
      const found = await auditMovedDatabase(stage);
      say('found', `${formatCounts(found.findings)}: ${formatKinds(found)}`);
      const folder = join(stage.newFolder(), 'new_shop');
      const { report } = await writeMigrations(
        folder,
        found.findings,
        found.compared,
        await listRoles(stage),
      );
      const open = await findOpenDecision(folder);
      say('written', `${formatCount(report.files.length, 'migration')}. A decision is open: ${open}`);
      await after.query(DELETE_DUPLICATES_SQL);
      makeDecisions(folder);
      say('by hand', 'the oldest order stays, and the line with the decision is removed from the file');
      const outcome = await converge(
        stage,
        createLocalOperations({
          target: getTarget(stage, 'new_shop'),
          manifest: await compileMigrations(folder),
          namespace: 'new_shop',
          progress: stage.progress.report,
        }),
      );
      if (outcome.status === 'failed')
        throw new Error(`${outcome.error.migration}: ${outcome.error.message}`);
      const left = (await auditMovedDatabase(stage)).findings;
      if (left.length > 0) throw new Error(`still lost: ${left.map(({ message }) => message).join(' ')}`);
      await after.query(UPSERT_SQL);
      say('applied', `all ${report.files.length}; a second audit finds nothing, and ON CONFLICT works again`);
      return {
        summary: [
          `migrations written by the audit restored what a moved database had lost (${formatCount(found.findings.length, 'finding')})`,
        ],
        facts: { lost: found.findings.map(({ id, object }) => `${id} ${object}`), written: report.files },
      };
    } finally {
      await Promise.all([before.end(), after.end()]);
    }
  },
};

const getTarget = ({ server, roots }: Stage, database: string) => buildServerTarget(server, database, roots);

async function createDatabase(stage: Stage, database: string, schema: string): Promise<Client> {
  const client = createClient(getTarget(stage, 'postgres'));
  await client.connect();
  await client.query(`CREATE DATABASE ${database}`).finally(() => client.end());
  const made = createClient(getTarget(stage, database));
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

async function withReadOnlyDatabase<T>(
  stage: Stage,
  database: string,
  work: (db: Awaited<ReturnType<typeof connectPg>>) => Promise<T>,
): Promise<T> {
  const db = await connectPg({ ...getTarget(stage, database).pg, readOnly: true });
  return work(db).finally(() => db.close());
}

const auditMovedDatabase = (stage: Stage): Promise<AuditWithComparison> =>
  withReadOnlyDatabase(stage, 'old_shop', (source) =>
    withReadOnlyDatabase(stage, 'new_shop', (db) => audit(db, { source, version: packageVersion() })),
  );

const listRoles = (stage: Stage): Promise<ReadonlySet<string>> =>
  withReadOnlyDatabase(stage, 'new_shop', readRoles);

/** Formats the findings as `2 missing-unique-index, missing-default, …`. */
function formatKinds({ findings }: AuditWithComparison): string {
  const ids = [...new Set(findings.map(({ id }) => id))];
  return ids
    .map((id) => ({ id, count: findings.filter((each) => each.id === id).length }))
    .map(({ id, count }) => (count === 1 ? id : `${count} ${id}`))
    .join(', ');
}

/** Returns the open decisions for which `check` rejects the folder. */
async function findOpenDecision(folder: string): Promise<string> {
  const error = await compileMigrations(folder).catch((thrown: unknown) => thrown);
  if (!(error instanceof CompileError)) throw new Error('check did not reject the open decision');
  return error.problems.map(({ message }) => message.replace(/^a decision is open: /, '')).join('; ');
}

function makeDecisions(folder: string): void {
  for (const name of readdirSync(folder).filter((each) => each.endsWith('.sql'))) {
    const file = join(folder, name);
    writeFileSync(file, readFileSync(file, 'utf8').replace(/^-- migrate:decide .*\n/gm, ''));
  }
}
