/**
 * Runs every sample on real servers and looks at pg_locks: what a statement takes of relations that existed before is
 * never stronger than the compiler declares. Also whether it rewrote or scanned a table, and by how much the compiler
 * declares more than is taken.
 */
import type { Client } from 'pg';
import { describe, expect, test } from 'vitest';
import { ANY_RELATION, keepStrongest, LOCK_MODES, type LockMode } from '../../../lambda/contract/locks';
import type { Statement } from '../../../lambda/contract/manifest';
import { connect, createDatabase, majors } from '../../support/database';
import { FIXTURE, IN_TRANSACTION, OUTSIDE, ROWS, type Sample } from '../samples';
import { CONSENT, compile, file } from '../support';

async function declared({ sql }: Sample): Promise<Statement> {
  const { migrations } = await compile({
    '0001_fixture.sql': CONSENT + file(FIXTURE),
    '0002_sample.sql': CONSENT + file(sql),
  });
  return migrations[1]!.statements[0]!;
}

const modeOf = (mode: string): LockMode =>
  mode
    .replace(/Lock$/, '')
    .replace(/(?<=.)[A-Z]/g, ' $&')
    .toUpperCase() as LockMode;
const rank = (mode: LockMode | undefined): number => (mode ? LOCK_MODES.indexOf(mode) : -1);

const LOCKS = "SELECT relation AS oid, mode FROM pg_locks WHERE locktype = 'relation' AND pid = $1";

const EXISTING = `SELECT c.oid, c.oid::regclass::text AS name, c.relkind, pg_relation_filenode(c.oid) AS file,
  (SELECT p.inhparent FROM pg_inherits p WHERE p.inhrelid = c.oid) AS parent,
  coalesce((SELECT s.seq_scan FROM pg_stat_xact_user_tables s WHERE s.relid = c.oid), 0)::int AS scans
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname IN ('public', 'archive') AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'i')`;

interface Relation {
  readonly oid: number;
  readonly name: string;
  readonly relkind: string;
  readonly file: number | null;
  readonly parent: number | null;
  readonly scans: number;
}
interface Lock {
  readonly oid: number;
  readonly mode: string;
}

async function relations(client: Client): Promise<Map<number, Relation>> {
  const { rows } = await client.query<Relation>(EXISTING);
  return new Map(rows.map((relation) => [relation.oid, relation]));
}

/** The strongest lock on each relation that existed before, under the name that it had then. */
function strongest(
  locks: readonly Lock[],
  before: ReadonlyMap<number, Relation>,
  statement: Statement,
): Map<string, LockMode> {
  const result = new Map<string, LockMode>();
  for (const lock of locks) {
    const relation = before.get(lock.oid);
    if (!relation) continue;
    // Its table stands for an index, unless the statement names the index.
    if (relation.relkind === 'i' && !statement.locks.some((one) => one.relation === relation.name)) continue;
    const mode = modeOf(lock.mode);
    // nextval() and setval(), which hinder nobody
    if (relation.relkind === 'S' && mode === 'ROW EXCLUSIVE') continue;
    keepStrongest(result, relation.name, mode);
  }
  return result;
}

/** What a trigger, a view or a foreign key reads in passing is not declared: it hinders nobody. */
const NOT_WORTH_NAMING = rank('ROW SHARE');

function tooStrong(
  statement: Statement,
  taken: ReadonlyMap<string, LockMode>,
  before: ReadonlyMap<number, Relation>,
): string[] {
  const declaredFor = (relation: string) => statement.locks.find((one) => one.relation === relation)?.mode;
  // What hangs below a relation is locked with it.
  const parents = new Map(
    [...before.values()].map(({ name, parent }) => [name, before.get(parent ?? 0)?.name]),
  );
  return [...taken].flatMap(([relation, mode]) => {
    const allowed = [
      declaredFor(relation),
      declaredFor(parents.get(relation) ?? ''),
      declaredFor(ANY_RELATION),
    ];
    return rank(mode) > Math.max(...allowed.map(rank), NOT_WORTH_NAMING)
      ? [`${mode} on ${relation}, declared ${declaredFor(relation) ?? 'nothing'}`]
      : [];
  });
}

const weaker = (statement: Statement, taken: Map<string, LockMode>): string[] =>
  statement.locks.flatMap(({ relation, mode }) =>
    relation !== ANY_RELATION && rank(taken.get(relation)) < rank(mode)
      ? [`${relation}: declared ${mode}, taken ${taken.get(relation) ?? 'nothing'}`]
      : [],
  );

describe.each(majors())('PostgreSQL %i', (major) => {
  test('what statements lock, rewrite and scan in a transaction', async () => {
    const client = await connect(await createDatabase(major));
    await client.query(FIXTURE);
    await client.query(ROWS);
    const pid = await pidOf(client);
    const wrong: string[] = [];
    const stronger: string[] = [];
    for (const sample of IN_TRANSACTION) {
      if ((sample.since ?? 0) > major) continue;
      const statement = await declared(sample);
      await client.query('BEGIN');
      const before = await relations(client);
      const failed = await client.query(sample.sql).then(
        () => undefined,
        (error: Error) => error.message,
      );
      if (failed) {
        wrong.push(`${sample.sql}: ${failed}`);
        await client.query('ROLLBACK');
        continue;
      }
      const { rows } = await client.query<Lock>(LOCKS, [pid]);
      const after = await relations(client);
      await client.query('ROLLBACK');
      const taken = strongest(rows, before, statement);
      wrong.push(...tooStrong(statement, taken, before).map((what) => `${sample.sql}: ${what}`));
      stronger.push(...weaker(statement, taken).map((what) => `${sample.sql}: ${what}`));
      if (!statement.rewrites) wrong.push(...costs(sample, statement, before, after));
    }
    expect(wrong).toEqual([]);
    expect(stronger.sort()).toMatchSnapshot();
  });

  test('what statements lock outside a transaction', async () => {
    const url = await createDatabase(major);
    const [client, first, second] = [await connect(url), await connect(url), await connect(url)];
    const pid = await pidOf(client);
    const secondPid = await pidOf(second);
    const wrong: string[] = [];
    const stronger: string[] = [];
    for (const sample of OUTSIDE) {
      if ((sample.since ?? 0) > major) continue;
      const statement = await declared(sample);
      await client.query(
        `DROP SCHEMA IF EXISTS archive CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public`,
      );
      await client.query(FIXTURE);
      await client.query(ROWS);
      const before = await relations(client);
      // Others hold locks, so that the statement stands still where its own can be seen: before it begins, and in its
      // second phase, when it waits for transactions that use the table.
      await first.query('BEGIN; LOCK TABLE orders, events IN SHARE UPDATE EXCLUSIVE MODE');
      await second.query('BEGIN; LOCK TABLE orders, events IN ROW EXCLUSIVE MODE');
      let done = false;
      const running = client.query(sample.sql).finally(() => {
        done = true;
      });
      const locks = [...(await locksWhen(second, pid, 'cardinality(pg_blocking_pids($1)) > 0', () => done))];
      await first.query('ROLLBACK');
      locks.push(...(await locksWhen(second, pid, `${secondPid} = ANY (pg_blocking_pids($1))`, () => done)));
      await second.query('ROLLBACK');
      await running;
      const taken = strongest(locks, before, statement);
      expect(taken.size, sample.sql).toBeGreaterThan(0);
      wrong.push(...tooStrong(statement, taken, before).map((what) => `${sample.sql}: ${what}`));
      stronger.push(...weaker(statement, taken).map((what) => `${sample.sql}: ${what}`));
    }
    expect(wrong).toEqual([]);
    expect(stronger.sort()).toMatchSnapshot();
  });
});

const pidOf = async (client: Client): Promise<number> =>
  (await client.query('SELECT pg_backend_pid() AS pid')).rows[0].pid;

/** The locks of a backend once the condition holds; none when it is done before. */
async function locksWhen(
  client: Client,
  pid: number,
  condition: string,
  done: () => boolean,
): Promise<readonly Lock[]> {
  while (!done()) {
    const { rows } = await client.query(`SELECT ${condition} AS yes`, [pid]);
    if (rows[0].yes) return (await client.query<Lock>(LOCKS, [pid])).rows;
  }
  return [];
}

/** Tables that a statement rewrote or scanned, which says that it does neither. */
function costs(
  { sql }: Sample,
  statement: Statement,
  before: ReadonlyMap<number, Relation>,
  after: ReadonlyMap<number, Relation>,
): string[] {
  if (!/^(ALTER|CREATE (UNIQUE )?INDEX|REINDEX|CLUSTER)/.test(sql)) return [];
  return [...before.values()].flatMap(({ oid, name, relkind, file, scans }) => {
    const now = after.get(oid);
    if (!now || !/[rpm]/.test(relkind)) return [];
    if (now.file !== file) return [`${sql}: rewrote ${name}`];
    return statement.execution !== 'separate' && now.scans > scans ? [`${sql}: scanned ${name}`] : [];
  });
}
