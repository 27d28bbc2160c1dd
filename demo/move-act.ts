import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type AuditWithComparison, audit } from '../lib/audit/audit';
import { formatCounts, formatCountsByKindAndTable } from '../lib/audit/words';
import { readRoles, writeMigrations } from '../lib/audit/write';
import { withReadOnlyConnection } from '../lib/cli/database/scratch';
import { compileMigrations } from '../lib/cli/folder';
import { formatCount } from '../lib/cli/terminal/terminal';
import { CompileError, type Problem } from '../lib/compiler/problem';
import { loadParser } from '../lib/compiler/read/parser';
import { packageVersion } from '../lib/package';
import type { Act, Stage } from './stage';

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
    await loadParser();
    await stage.createDatabase('old_shop', (client) => client.query(OLD_SCHEMA_SQL));
    await stage.createDatabase('new_shop', (client) => client.query(NEW_SCHEMA_SQL));
    await copyRows(stage, 'customers');
    await copyRows(stage, 'orders');
    const change = (sql: string) => stage.withClient('new_shop', (client) => client.query(sql));
    await change(DUPLICATE_ROWS_SQL);
    stage.say('moved', 'the tables, primary keys and rows of customers and orders, and nothing else');

    const { findings, compared } = await auditMovedDatabase(stage);
    stage.say('found', `${formatCounts(findings)}: ${formatCountsByKindAndTable(findings)?.kinds}`);

    const folder = join(stage.createFolder(), 'new_shop');
    const roles = await withReadOnlyConnection(stage.target('new_shop'), readRoles);
    const { files } = (await writeMigrations(folder, findings, compared, roles)).report;
    const decision = await findDecision(folder);
    stage.say('written', `${formatCount(files.length, 'migration')}. In one of them ${decision.message}`);

    await change(DELETE_DUPLICATES_SQL);
    const file = join(folder, decision.file);
    writeFileSync(file, readFileSync(file, 'utf8').replace(/^-- migrate:decide .*\n/m, ''));
    stage.say('by hand', 'the oldest order stays, and the line with the decision is removed from the file');

    const outcome = await stage.deploy(await stage.openOperations(folder));
    if (outcome.status === 'failed') throw new Error(`${outcome.error.migration}: ${outcome.error.message}`);
    const left = (await auditMovedDatabase(stage)).findings;
    if (left.length > 0) throw new Error(`still lost: ${left.map(({ message }) => message).join(' ')}`);
    await change(UPSERT_SQL);
    stage.say('applied', `all ${files.length}; a second audit finds nothing, and ON CONFLICT works again`);
    return {
      summary: `migrations written by the audit restored what a moved database had lost (${formatCount(findings.length, 'finding')})`,
      facts: { lost: findings.map(({ id, object }) => `${id} ${object}`), written: files },
    };
  },
};

async function copyRows(stage: Stage, table: string): Promise<void> {
  const { rows } = await stage.withClient('old_shop', (from) =>
    from.query<{ all: string }>(`SELECT json_agg(t)::text AS all FROM ${table} t`),
  );
  const insert = `INSERT INTO ${table} SELECT * FROM json_populate_recordset(NULL::${table}, $1)`;
  await stage.withClient('new_shop', (to) => to.query(insert, [rows[0]!.all]));
}

const auditMovedDatabase = (stage: Stage): Promise<AuditWithComparison> =>
  withReadOnlyConnection(stage.target('old_shop'), (source) =>
    withReadOnlyConnection(stage.target('new_shop'), (db) =>
      audit(db, { source, version: packageVersion() }),
    ),
  );

/** Returns the open decision, for which `check` rejects the folder. */
async function findDecision(folder: string): Promise<Problem> {
  const error = await compileMigrations(folder).catch((thrown: unknown) => thrown);
  if (!(error instanceof CompileError)) throw new Error('check did not reject the open decision');
  return error.problems[0]!;
}
