/** Texts and schemas of somebody who wants the planner to work for him. */
import { expect, test } from 'vitest';
import { asSuperuser, connect, createDatabase, urlOf } from '../support/database';
import { asking, brief, shop } from './support';

const CODE =
  'undecided: it may call untrusted code, which planning would run with the privileges of the connected role';
const OTHER = 'undecided: the server could not plan it, for a reason that has nothing to do with the schema';
const SEVERAL = 'undecided: it is not one statement that can be prepared';
const SYNTAX = 'undecided: this version of PostgreSQL cannot parse its text in the workload';

/** A stranger without rights owns functions that call themselves immutable. */
const STRANGER = (role: string, schema: string): string => `
  CREATE TABLE secret (word text); INSERT INTO secret VALUES ('canary');
  CREATE TABLE calls (n int); CREATE SEQUENCE moved; GRANT ALL ON moved, calls TO ${role};
  CREATE TABLE orders (id int PRIMARY KEY, note text);
  CREATE SCHEMA ${schema} AUTHORIZATION ${role}; SET ROLE ${role};
  CREATE FUNCTION ${schema}.leak() RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$
    BEGIN PERFORM nextval('public.moved'); RAISE EXCEPTION '%', (SELECT word FROM public.secret); END $$;
  CREATE FUNCTION ${schema}."odd name"() RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$
    BEGIN PERFORM nextval('public.moved'); RETURN ''; END $$;
  CREATE FUNCTION ${schema}.plus(a int, b text) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$
    BEGIN PERFORM nextval('public.moved'); RETURN 1; END $$;
  CREATE OPERATOR ${schema}.@+@ (FUNCTION = ${schema}.plus, LEFTARG = int, RIGHTARG = text);
  CREATE VIEW ${schema}.view AS SELECT ${schema}.leak() AS word;
  CREATE TABLE ${schema}.defaults (a text DEFAULT ${schema}.leak(), b int);
  CREATE TABLE ${schema}.policies (a text); ALTER TABLE ${schema}.policies ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
  CREATE POLICY p ON ${schema}.policies USING (a = ${schema}.leak());
  CREATE TABLE ${schema}.indexed (a int, b text); CREATE INDEX ON ${schema}.indexed ((a + ${schema}.plus(a, b)));
  CREATE TABLE ${schema}.checked (a int CHECK (a > ${schema}.plus(1, 'b')));
  CREATE TABLE ${schema}.whole (k int) PARTITION BY LIST (k);
  CREATE TABLE ${schema}.part PARTITION OF ${schema}.whole (CHECK (k > ${schema}.plus(1, 'b'))) FOR VALUES IN (1);
  RESET ROLE;
  CREATE VIEW over_view AS SELECT * FROM ${schema}.view;
  CREATE FUNCTION helper() RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RETURN leak(); END $$;`;

export function hostileTexts(major: number): void {
  test('code of a role that is not trusted is not called, however a statement reaches it', async () => {
    const role = `stranger_${major}_${process.pid}`;
    await asSuperuser(major, `CREATE ROLE ${role}`);
    const { client, plan } = await shop(major, STRANGER(role, 's'));
    const reaching = [
      'SELECT s.leak() FROM orders',
      'SELECT "leak"() FROM orders',
      'SELECT S.LEAK() FROM orders',
      'SELECT U&"l\\0065ak"() FROM orders',
      'SELECT s."odd name"() FROM orders',
      `SELECT id OPERATOR(s.@+@) $1 FROM orders`,
      'SELECT o.leak FROM s.view AS o',
      'SELECT word FROM s.view',
      'SELECT word FROM over_view',
      'INSERT INTO s.defaults (b) VALUES ($1)',
      'SELECT a FROM s.policies',
      'SELECT b FROM s.indexed WHERE a = $1',
      'SELECT a FROM s.checked WHERE a = $1',
      'SELECT k FROM s.whole',
      'SELECT helper() FROM orders',
    ];
    const path = (text: string) => ({ text, role: null, searchPath: 's, public' });
    const verdicts = await plan([...reaching.map(path), path('SELECT note FROM orders WHERE id = $1')]);
    const stranger = expect.stringMatching(`^${CODE} \\((${role}: function s\\.|it names objects in a way)`);
    expect(verdicts.map(brief)).toEqual([...reaching.map(() => stranger), 'plans']);
    expect(JSON.stringify(verdicts)).not.toContain('canary');
    expect((await client.query('SELECT is_called FROM moved')).rows).toEqual([{ is_called: false }]);
    await client.query(`DROP VIEW over_view; DROP SCHEMA s CASCADE`);
    await client.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  });

  test('temporary objects of other sessions make nothing undecided, also where the path of the sender is not known', async () => {
    const { plan, url } = await shop(major, 'CREATE TABLE orders (id int PRIMARY KEY, note text)');
    const role = `visitor_${major}_${process.pid}`;
    await asSuperuser(major, `CREATE ROLE ${role} LOGIN PASSWORD '${role}'`);
    const visitor = await connect(urlOf(url, { user: role, password: role }));
    await visitor.query(`CREATE TEMP TABLE orders (id int, rare text); CREATE TEMP TABLE gone (id int);
      CREATE FUNCTION pg_temp.missing(int) RETURNS int LANGUAGE sql AS 'SELECT 1'`);
    const texts = ['SELECT rare FROM orders', 'SELECT id FROM gone', 'SELECT missing(id) FROM orders'];
    const verdicts = await plan(texts.map((text) => ({ text, role: null, searchPath: null })));
    await visitor.end();
    await asSuperuser(major, `DROP ROLE ${role}`);
    expect(verdicts.map(brief)).toEqual(['42703', '42P01', '42883']);
  });

  test('several statements, commands, settings, and what trusted code raises: nothing is done, nothing repeated', async () => {
    const { client, plan } = await shop(
      major,
      `CREATE TABLE orders (id int PRIMARY KEY, note text); INSERT INTO orders VALUES (1, 'canary'); CREATE SEQUENCE moved;
       CREATE FUNCTION raises() RETURNS text IMMUTABLE LANGUAGE plpgsql AS
         $$ BEGIN RAISE EXCEPTION '%', (SELECT note FROM public.orders); END $$;
       CREATE FUNCTION writes() RETURNS int IMMUTABLE LANGUAGE plpgsql AS
         $$ BEGIN INSERT INTO public.orders VALUES (2); RETURN nextval('public.moved'); END $$;`,
    );
    const texts: Readonly<Record<string, string>> = {
      'SELECT id FROM orders; DROP TABLE orders': SEVERAL,
      'SELECT id FROM orders; PREPARE x AS SELECT 1': SEVERAL,
      'SELECT pg_advisory_lock(1);': 'plans',
      "SELECT 1; SELECT set_config('a.b', 'c', false)": SEVERAL,
      'DROP TABLE orders': SYNTAX,
      'ANALYZE SELECT 1': SYNTAX,
      '': SYNTAX,
      'COPY orders TO STDOUT': SYNTAX,
      'SELECT raises() FROM orders': OTHER,
      'SELECT writes() FROM orders': OTHER,
      'SELECT nextval($1) FROM orders': 'plans',
      'DELETE FROM orders': 'plans',
    };
    const verdicts = await plan(Object.keys(texts));
    expect(Object.fromEntries(Object.keys(texts).map((text, i) => [text, brief(verdicts[i]!)]))).toEqual(
      texts,
    );
    expect(JSON.stringify(verdicts)).not.toContain('canary');
    const { rows } = await client.query(
      `SELECT (SELECT count(*)::int FROM orders) AS orders, (SELECT is_called FROM moved) AS moved,
         (SELECT count(*)::int FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database
            WHERE datname = current_database())) AS locks`,
    );
    expect(rows).toEqual([{ orders: 1, moved: false, locks: 0 }]);
  });

  test('a foreign table is not planned, wherever it is', async () => {
    const { plan } = await shop(
      major,
      `CREATE EXTENSION postgres_fdw; CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '1', use_remote_estimate 'true');
       CREATE USER MAPPING FOR PUBLIC SERVER far; CREATE FOREIGN TABLE f (a int) SERVER far; CREATE VIEW v AS SELECT a FROM f;
       CREATE TABLE p (a int) PARTITION BY LIST (a); CREATE FOREIGN TABLE p1 PARTITION OF p FOR VALUES IN (1) SERVER far;
       CREATE FUNCTION inlined() RETURNS SETOF int STABLE LANGUAGE sql AS 'SELECT a FROM f'; CREATE TABLE t (a int);`,
    );
    const far = 'undecided: it reads a foreign table, and planning it may query another server';
    const texts = [
      'SELECT a FROM f',
      'SELECT a FROM v',
      'SELECT a FROM p',
      'SELECT a FROM inlined() AS a',
      'SELECT a FROM t',
    ];
    const foreign = expect.stringMatching(`^${far} \\(postgres: foreign table public\\.(f|p1)\\)$`);
    expect((await plan(texts)).map(brief)).toEqual([foreign, foreign, foreign, foreign, 'plans']);
  });

  test('a megabyte, a thousand parameters, NUL and a deep expression', async () => {
    const { plan } = await shop(major, 'CREATE TABLE t (a int)');
    const parameters = (count: number) =>
      `SELECT a FROM t WHERE a IN (${Array.from({ length: count }, (_, i) => `$${i + 1}`).join(', ')})`;
    const long = 'undecided: it is longer than 1 MiB or has more than 1,000 parameters';
    const texts = [
      parameters(1_000),
      parameters(1_001),
      `SELECT a FROM t WHERE a = $1 ${'/**/'.repeat(300_000)}`,
      `SELECT a FROM t ${' '.repeat(1_000_000)}`,
      'SELECT a FROM t\0',
      `SELECT ${'('.repeat(20_000)}a${')'.repeat(20_000)} FROM t`,
      'SELECT a FROM t',
    ];
    const verdicts = (await plan(texts)).map(brief);
    expect(verdicts).toEqual([
      'plans',
      long,
      long,
      'plans',
      long,
      expect.stringMatching(/^(undecided|plans)/),
      'plans',
    ]);
  });

  test('a role without any rights can ask', async () => {
    const role = `reader_${major}_${process.pid}`;
    const url = await createDatabase(major);
    const client = await connect(url);
    await client.query(
      `CREATE ROLE ${role} LOGIN PASSWORD 'p'; REVOKE ALL ON DATABASE ${new URL(url).pathname.slice(1)} FROM PUBLIC;
       GRANT CONNECT ON DATABASE ${new URL(url).pathname.slice(1)} TO ${role};
       GRANT USAGE ON SCHEMA public TO ${role}; CREATE TABLE t (a int NOT NULL); CREATE TABLE given (a int NOT NULL);
       GRANT INSERT ON given TO ${role}`,
    );
    const plan = await asking(urlOf(url, { user: role, password: 'p' }));
    const ask = (text: string, sender: string | null = null) => ({
      text,
      role: sender,
      searchPath: 'public',
    });
    const verdicts = await plan([
      ask('INSERT INTO given DEFAULT VALUES'),
      ask('SELECT gone FROM t'),
      ask('SELECT a FROM t', role),
      ask('SELECT a FROM t', 'somebody'),
    ]);
    expect(verdicts.map(brief)).toEqual([
      'would fail 23502 a',
      '42703',
      '42501',
      'undecided: the connected role may not use what it names; connect as the role that sends it',
    ]);
    await client.query(`DROP OWNED BY ${role}`);
  });

  test('a schema of the path that the connected role may not use says nothing of what is in it', async () => {
    const role = `outside_${major}_${process.pid}`;
    const url = await createDatabase(major);
    const client = await connect(url);
    await client.query(
      `CREATE ROLE ${role} LOGIN PASSWORD 'p'; CREATE SCHEMA shop; CREATE TABLE shop.orders (a int);
       CREATE FUNCTION shop.twice(int) RETURNS int LANGUAGE sql AS 'SELECT 2 * $1'; CREATE TABLE public.here (a int)`,
    );
    const plan = await asking(urlOf(url, { user: role, password: 'p' }));
    const as = (sender: string | null, searchPath: string | null, text: string) => ({
      text,
      role: sender,
      searchPath,
    });
    const verdicts = await plan([
      as('app', 'shop, public', 'SELECT a FROM orders'),
      as(null, 'shop, public', 'SELECT twice(1)'),
      as('app', 'shop, public', 'SELECT a FROM gone'),
      as('app', 'public', 'SELECT a FROM orders'),
      as(role, 'shop, public', 'SELECT a FROM orders'),
    ]);
    const may = 'undecided: the connected role may not use what it names; connect as the role that sends it';
    expect(verdicts.map(brief)).toEqual([may, may, '42P01', '42P01', '42P01']);
    await client.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  });
}
