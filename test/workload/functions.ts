/** `trueup._plan` and `trueup._worse` as a migration calls them: in a transaction that has changed the schema and holds locks. */
import type { Client } from 'pg';
import { expect, test } from 'vitest';
import { UNTRUSTED_FUNCTION_SQL } from '../../lambda/sql/trust';
import { PLANNING_FUNCTIONS_SQL } from '../../lambda/workload/sql';
import type { PlanAnswer } from '../../lambda/workload/verdict';
import { connect } from '../support/database';
import { shop } from './support';

export interface Worse {
  readonly refuses: boolean;
  readonly by: string;
  readonly state?: string;
  readonly why: string;
  readonly reason?: string;
}

export type Statement =
  | string
  | { text: string; role?: string; path?: string | null; types?: readonly string[]; setting?: string };

export async function install(client: Client): Promise<void> {
  await client.query('CREATE SCHEMA trueup');
  for (const each of [UNTRUSTED_FUNCTION_SQL, ...PLANNING_FUNCTIONS_SQL]) await client.query(each);
}

export async function ask(client: Client, statements: readonly Statement[]): Promise<PlanAnswer[]> {
  const asked = statements.map((each) => ({
    path: 'public',
    ...(typeof each === 'string' ? { text: each } : each),
  }));
  const { rows } = await client.query('SELECT trueup._plan($1) AS answers', [{ statements: asked }]);
  return rows[0].answers;
}

export async function worse(client: Client, before: PlanAnswer, after: PlanAnswer): Promise<Worse | null> {
  const { rows } = await client.query('SELECT trueup._worse($1, $2) AS worse', [before, after]);
  return rows[0].worse;
}

/** What the session and its transaction are like: none of it may be touched. */
const STATE = `SELECT current_setting('search_path') AS path, current_setting('lock_timeout') AS lock_timeout,
  current_setting('plan_cache_mode') AS mode, current_setting('transaction_read_only') AS read_only,
  (SELECT count(*)::int FROM pg_prepared_statements) AS prepared, (SELECT count(*)::int FROM pg_cursors) AS cursors,
  (SELECT array_agg(relation::regclass || ' ' || mode ORDER BY 1) FROM pg_locks WHERE pid = pg_backend_pid()
    AND locktype = 'relation' AND relation >= 16384) AS locks`;

export function functions(major: number): void {
  test('after DDL in the same transaction, and nothing of it stays', async () => {
    const { client } = await shop(
      major,
      `CREATE TABLE t (id int PRIMARY KEY, email text); CREATE TABLE u (id int); CREATE VIEW v AS SELECT id FROM u;
       CREATE TABLE "Odd name" (id int); CREATE TABLE other (t int)`,
    );
    await install(client);
    const text = 'INSERT INTO t (id, email) VALUES ($1, $2)';
    const [before] = await ask(client, [text]);
    await client.query(`BEGIN; SET LOCAL lock_timeout = '7s'; SET LOCAL search_path = 'public'`);
    // All of these hold what the statements' own locks would be.
    await client.query(`UPDATE t SET id = 2 WHERE false; SELECT count(*) FROM v; SELECT count(*) FROM "Odd name";
      ALTER TABLE t ADD extra int NOT NULL; CREATE TABLE made (id int)`);
    const state = (await client.query(STATE)).rows;
    const answers = await ask(client, [
      text,
      'SELECT id FROM v',
      'SELECT id FROM "Odd name"',
      'SELECT id FROM made',
      'SELECT t FROM other',
      'SELECT id FROM gone',
      'SELECT 1; DROP TABLE t',
    ]);
    expect((await client.query(STATE)).rows).toEqual(state);
    expect(answers.map(({ outcome, relations }) => [outcome, relations])).toEqual([
      ['would-fail', ['public.t']],
      ['plans', ['public.u', 'public.v']],
      ['plans', ['public."Odd name"']],
      ['plans', ['public.made']],
      // A column of the name of a table that is held: too many rather than too few, and said to be assumed.
      ['plans', ['public.other', 'public.t']],
      ['fails', []],
      ['undecided', []],
    ]);
    expect(answers[4]).toMatchObject({ assumed: ['public.t'] });
    expect(await worse(client, before!, answers[0]!)).toEqual({
      refuses: true,
      by: 'plan',
      state: '23502',
      why: 'would-fail',
      relation: 'public.t',
      object: 'extra',
    });
    await client.query('COMMIT');
    expect((await client.query('SELECT count(*)::int FROM made')).rows).toEqual([{ count: 0 }]);
  });

  test('undecided on either side, a lock, and an answer that is missing are never worse', async () => {
    const { url, client } = await shop(major, 'CREATE TABLE t (id int)');
    await install(client);
    const [plans] = await ask(client, ['SELECT id FROM t']);
    const holder = await connect(url);
    await holder.query('BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE');
    const [locked] = await ask(client, ['SELECT id FROM t']);
    expect(locked).toMatchObject({ outcome: 'undecided', why: 'lock' });
    await holder.query('ROLLBACK');
    const [failed] = await ask(client, ['SELECT gone FROM t']);
    expect(await worse(client, plans!, locked!)).toBeNull();
    expect(await worse(client, locked!, failed!)).toBeNull();
    expect(await worse(client, failed!, failed!)).toBeNull();
    expect(await worse(client, plans!, { ...locked!, why: 'enum' })).toBeNull();
    expect(await worse(client, plans!, null as unknown as PlanAnswer)).toBeNull();
    expect(await worse(client, null as unknown as PlanAnswer, failed!)).toBeNull();
    expect(await worse(client, plans!, failed!)).toMatchObject({ refuses: true, by: 'plan', state: '42703' });
  });

  test('in a transaction that may write, hostile texts write nothing', async () => {
    const { client } = await shop(
      major,
      `CREATE TABLE t (id int); CREATE SEQUENCE moved; CREATE FUNCTION moves() RETURNS bigint IMMUTABLE LANGUAGE plpgsql AS
         $$ BEGIN RETURN nextval('public.moved'); END $$;
       CREATE FUNCTION writes() RETURNS int IMMUTABLE LANGUAGE plpgsql AS
         $$ BEGIN INSERT INTO public.t VALUES (1); RAISE EXCEPTION 'canary'; END $$`,
    );
    await install(client);
    await client.query('BEGIN; ALTER TABLE t ADD b int');
    const answers = await ask(client, [
      'SELECT moves() FROM t',
      'SELECT writes() FROM t',
      'SELECT id FROM t; INSERT INTO t VALUES (1)',
      "SELECT set_config('search_path', 'gone', false), pg_advisory_lock(7) FROM t",
      'INSERT INTO t (id) VALUES (nextval($1))',
    ]);
    await client.query('COMMIT');
    expect(answers.map(({ outcome }) => outcome)).toEqual([
      'undecided',
      'undecided',
      'undecided',
      'plans',
      'plans',
    ]);
    expect(JSON.stringify(answers)).not.toContain('canary');
    const { rows } =
      await client.query(`SELECT (SELECT count(*)::int FROM t) AS rows, (SELECT is_called FROM moved) AS moved,
      (SELECT count(*)::int FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()) AS locks`);
    expect(rows).toEqual([{ rows: 0, moved: false, locks: 0 }]);
  });

  test('a cancelled call ends the transaction and leaves nothing that the next one falls over', async () => {
    const { client } = await shop(
      major,
      `CREATE TABLE t (id int); CREATE FUNCTION sleeps() RETURNS int IMMUTABLE LANGUAGE plpgsql AS
         $$ BEGIN PERFORM pg_sleep(60); RETURN 1; END $$`,
    );
    await install(client);
    await client.query(`SET statement_timeout = '300ms'`);
    await expect(ask(client, ['SELECT sleeps() FROM t'])).rejects.toMatchObject({ code: '57014' });
    await client.query('RESET statement_timeout');
    expect((await ask(client, ['SELECT id FROM t']))[0]).toMatchObject({ outcome: 'plans' });
  });
}
