/** What is known of a statement beside its verdict, what stays undecided, and that nobody waits. */
import { expect, test } from 'vitest';
import { connect } from '../support/database';
import { brief, shop } from './support';

const UNTYPED =
  'undecided: whether it fails depends on the types of its values, which are not in the workload';
const LOCK = 'undecided: another session holds a lock on one of its tables';

export function answers(major: number): void {
  test('types, relations and arbiters', async () => {
    const { plan } = await shop(
      major,
      `CREATE TABLE t (id int PRIMARY KEY, email text UNIQUE); CREATE VIEW v AS SELECT id, email FROM t;
       CREATE TABLE removed (id int PRIMARY KEY); CREATE DOMAIN positive AS int NOT NULL CHECK (VALUE > 0);
       CREATE DOMAIN more AS positive; CREATE TABLE d (p more)`,
    );
    const [view, insert, domain] = await plan([
      'SELECT v.email FROM v LEFT JOIN removed r ON r.id = v.id WHERE v.id = $1',
      'INSERT INTO t VALUES ($1, $2) ON CONFLICT (email) DO NOTHING',
      'INSERT INTO d VALUES ($1)',
    ]);
    expect(view).toEqual({
      outcome: 'plans',
      parameterTypes: ['integer'],
      resultTypes: major >= 16 ? ['text'] : null,
      relations: ['public.removed', 'public.t', 'public.v'],
      arbiters: [],
    });
    expect(insert).toEqual({
      outcome: 'plans',
      parameterTypes: ['integer', 'text'],
      resultTypes: null,
      relations: ['public.t'],
      arbiters: ['t_email_key'],
    });
    expect(domain).toMatchObject({ outcome: 'plans' });
  });

  test('failures, and what only the values could tell', async () => {
    const { plan } = await shop(
      major,
      `CREATE TABLE t (id int, name text, active boolean, at timestamptz); CREATE UNIQUE INDEX ON t (id) WHERE active = true;
       CREATE FUNCTION two(a int, b int) RETURNS int LANGUAGE sql AS 'SELECT a + b';
       CREATE FUNCTION fits(a bigint) RETURNS int LANGUAGE sql AS 'SELECT 1';
       CREATE FUNCTION fits(a numeric) RETURNS int LANGUAGE sql AS 'SELECT 1';
       CREATE FUNCTION fits(a date) RETURNS int LANGUAGE sql AS 'SELECT 1';
       CREATE SCHEMA tenant; CREATE TABLE tenant.invoices (id int); CREATE SCHEMA other; CREATE TABLE other.t (id int)`,
    );
    const verdicts: Readonly<Record<string, string>> = {
      'SELECT gone FROM t': '42703',
      'SELECT id FROM gone': '42P01',
      'SELECT gone($1) FROM t': '42883',
      'SELECT two($1) FROM t': '42883',
      'SELECT two($1, $2) FROM t': 'plans',
      'SELECT id FROM t WHERE name = id': '42883',
      'SELECT id FROM t GROUP BY name': '42803',
      'SELECT date_trunc($1, at) FROM t GROUP BY date_trunc($2, at)': UNTYPED,
      'SELECT $1 UNION SELECT $2 UNION SELECT id FROM t': UNTYPED,
      'INSERT INTO t (id) VALUES ($1) ON CONFLICT (id) DO NOTHING': '42P10',
      'INSERT INTO t (id) VALUES ($1) ON CONFLICT (id) WHERE active = $2 DO NOTHING':
        'undecided: the target of its ON CONFLICT has a constant that is not in the workload',
      'INSERT INTO t (id) VALUES ($1) ON CONFLICT ((COALESCE(id, $2))) DO NOTHING':
        'undecided: the target of its ON CONFLICT has a constant that is not in the workload',
      "INSERT INTO t (name) VALUES ($1) ON CONFLICT ((COALESCE(name, ''))) DO NOTHING": '42P10',
      'INSERT INTO t (id) VALUES ($1) ON CONFLICT (id) DO UPDATE SET id = $2': '42P10',
      'INSERT INTO t (id) SELECT name FROM t': '42804',
      // A parameter without a type became text on its way there.
      'SELECT sum(CASE WHEN id > 1 THEN $1 ELSE $2 END) FROM t': UNTYPED,
      'SELECT id * coalesce($1, $2) FROM t': UNTYPED,
      'SELECT id FROM t WHERE id = ANY (ARRAY[$1, $2])': UNTYPED,
      'SELECT id FROM t WHERE id = (SELECT $1)': UNTYPED,
      'SELECT sum(nullif($1, $2)), max(id) FROM t': UNTYPED,
      'SELECT sum(x) FROM (SELECT $1 AS x FROM t) AS s': UNTYPED,
      'UPDATE t SET name = v.x FROM (VALUES ($1, $2)) AS v (id, x) WHERE v.id = t.id': UNTYPED,
      'INSERT INTO t (id) SELECT x FROM (SELECT $1 AS x) AS s': UNTYPED,
      'SELECT id FROM t WHERE id = name AND id = $1': '42883',
      'SELECT fits(id), id + $1 FROM t': '42725',
      'SELECT fits($1), id + $2 FROM t':
        'undecided: several functions or operators match, and the types of its values are not in the workload',
      'SELECT fits((SELECT $1)) FROM t': UNTYPED,
      'INSERT INTO t (id) VALUES ($1) RETURNING name + name': '42883',
      'SELECT CASE WHEN id = $1 THEN gone($2) END FROM t': '42883',
      'SELECT id FROM t WHERE at > now() - interval $1':
        'undecided: this version of PostgreSQL cannot parse its text in the workload',
      'SELECT id FROM invoices':
        'undecided: the search path of its sender is not known, and other schemas have objects with names that it uses',
    };
    const known = (text: string) => ({
      text,
      role: null,
      searchPath: /invoices/.test(text) ? null : 'public',
    });
    const each = await plan(Object.keys(verdicts).map(known));
    expect(Object.fromEntries(Object.keys(verdicts).map((text, i) => [text, brief(each[i]!)]))).toEqual(
      verdicts,
    );
  });

  test('the sender’s search path is used, and "$user" is the sender', async () => {
    const { plan } = await shop(
      major,
      `CREATE SCHEMA tenant; CREATE TABLE tenant.invoices (id int); CREATE SCHEMA evil;
       CREATE FUNCTION evil.set_config(text, text, boolean) RETURNS text LANGUAGE sql AS 'SELECT NULL::text';
       CREATE DOMAIN evil.text AS int;`,
    );
    const text = 'SELECT id FROM invoices';
    const each = await plan([
      { text, role: 'tenant', searchPath: '"$user", public' },
      { text, role: 'tenant', searchPath: null },
      { text, role: null, searchPath: 'evil, tenant, pg_catalog' },
      { text, role: null, searchPath: 'public' },
      { text, role: null, searchPath: '"a' },
    ]);
    expect(each.map(brief)).toEqual([
      'plans',
      'plans',
      'plans',
      '42P01',
      expect.stringMatching(/^undecided/),
    ]);
  });

  test('only an element of a search path is "$user", whatever the names of schemas and roles', async () => {
    const names = ['a"$user"b', '"$user"', 'x, "$user", y', 'back\\1slash', 'q"uote'];
    const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;
    const { plan } = await shop(
      major,
      names
        .map((name, i) => `CREATE SCHEMA ${quoted(name)}; CREATE TABLE ${quoted(name)}.t${i} (id int)`)
        .join(';'),
    );
    const each = await plan(
      names.flatMap((name, i) => [
        { text: `SELECT id FROM t${i}`, role: 'somebody', searchPath: `public, ${quoted(name)}` },
        { text: `SELECT id FROM t${i}`, role: name, searchPath: 'public,"$user" , pg_catalog' },
      ]),
    );
    expect(each.map(brief)).toEqual(names.flatMap(() => ['plans', 'plans']));
  });

  test('a lock is waited for once, is never a failure, and the time is bounded', async () => {
    const { url, plan } = await shop(major, 'CREATE TABLE held (a int); CREATE TABLE free (a int)');
    const holder = await connect(url);
    await holder.query('BEGIN; LOCK TABLE held IN ACCESS EXCLUSIVE MODE');
    const held = Array.from({ length: 200 }, (_, i) => `SELECT a AS c${i} FROM held`);
    const verdicts = (await plan([...held, 'SELECT a FROM free'])).map(brief);
    expect(verdicts).toEqual([...held.map(() => LOCK), 'plans']);
    await holder.query('ROLLBACK');
    const late = (await plan(held, { budgetMs: 0 })).map(brief);
    expect(new Set(late)).toEqual(new Set(['undecided: there was no time left to plan it']));
    expect((await plan(held)).map(brief)).toEqual(held.map(() => 'plans'));
  });
}
