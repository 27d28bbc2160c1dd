/** Whose code may be planned with the rights of a login: roles as RDS has them, and whatever a statement can reach. */
import { randomBytes } from 'node:crypto';
import { afterAll, describe, expect, test } from 'vitest';
import { UNTRUSTED_ROLES_SQL } from '../../lambda/sql/trust';
import { asSuperuser, connect, createDatabase, majors, urlOf } from '../support/database';
import { asking, brief } from '../workload/support';

const NAMES = [
  'master',
  'app',
  'migrator',
  'lowpriv',
  'other',
  'fleet',
  'admin_only',
  'creator',
  'temporary',
] as const;
type Role = (typeof NAMES)[number];

const made: [number, string[]][] = [];
afterAll(async () => {
  for (const [major, roles] of made)
    for (const role of roles)
      await asSuperuser(major, `DROP OWNED BY ${role} CASCADE; DROP ROLE ${role}`).catch(() => {});
});

/** Roles as RDS has them, and a database that the application's role owns. */
async function server(major: number, sql = '') {
  const suffix = randomBytes(3).toString('hex');
  const role = (name: Role | 'rds_superuser' | 'rds_iam') => `${name}_${suffix}`;
  const made_ = [...NAMES, 'rds_superuser', 'rds_iam'] as const;
  made.push([major, made_.map(role)]);
  const named = (text: string) =>
    text.replace(/\$(\w+)/g, (word, name) => (made_.includes(name) ? role(name) : word));
  await asSuperuser(
    major,
    named(`CREATE ROLE $rds_superuser; GRANT pg_monitor, pg_signal_backend TO $rds_superuser; CREATE ROLE $rds_iam;
      CREATE ROLE $master LOGIN CREATEDB CREATEROLE PASSWORD 'p'; GRANT $rds_superuser TO $master;
      CREATE ROLE $app LOGIN PASSWORD 'p'; CREATE ROLE $other LOGIN PASSWORD 'p'; CREATE ROLE $lowpriv LOGIN PASSWORD 'p';
      CREATE ROLE $temporary LOGIN PASSWORD 'p'; CREATE ROLE $creator LOGIN CREATEROLE PASSWORD 'p';
      CREATE ROLE $migrator LOGIN PASSWORD 'p'; GRANT $app, pg_read_all_stats TO $migrator;
      CREATE ROLE $fleet LOGIN PASSWORD 'p'; GRANT $app, $other TO $fleet;
      CREATE ROLE $admin_only LOGIN PASSWORD 'p';
      GRANT $migrator TO $admin_only WITH ${major >= 16 ? 'ADMIN TRUE, INHERIT FALSE, SET FALSE' : 'ADMIN OPTION'}`),
  );
  const url = await createDatabase(major, `OWNER ${role('app')}`);
  const database = new URL(url).pathname.slice(1);
  const client = await connect(url);
  await client.query(named(`GRANT CREATE ON SCHEMA public TO PUBLIC; ${sql}`));
  const as = (name: Role) => urlOf(url, { user: role(name), password: 'p' });
  return { url, database, client, role, named, as };
}

const ownersOf = (roles: readonly Role[]) =>
  roles
    .map(
      (name) =>
        `SET ROLE $${name}; CREATE FUNCTION of_${name}() RETURNS int LANGUAGE sql AS 'SELECT 1'; RESET ROLE;`,
    )
    .join('\n');

/** Stays, whatever is rolled back. */
const TRAP = 'PERFORM pg_advisory_lock(4711)';
const evil = (name: string, args = '', returns = 'text', value = "'x'") =>
  `CREATE FUNCTION ${name}(${args}) RETURNS ${returns} IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN ${TRAP}; RETURN ${value}; END $$;`;

describe.each(majors())('PostgreSQL %i', (major) => {
  describe('which roles are trusted', () => {
    const strangersOf = async (db: Awaited<ReturnType<typeof server>>, login: Role) => {
      const client = await connect(db.as(login));
      await client.query('SET search_path = pg_catalog, pg_temp');
      const { rows } = await client.query<{ name: string }>(
        `SELECT pg_get_userbyid(oid)::text AS name FROM unnest(${UNTRUSTED_ROLES_SQL}) AS oid`,
      );
      return rows.map(({ name }) => name.replace(/_[0-9a-f]{6}$/, '')).sort();
    };

    test('by each login', async () => {
      const db = await server(major, ownersOf(NAMES.filter((name) => name !== 'temporary')));
      const creator = major >= 16 ? ['creator', 'master'] : [];
      expect({
        migrator: await strangersOf(db, 'migrator'),
        app: await strangersOf(db, 'app'),
        fleet: await strangersOf(db, 'fleet'),
        master: await strangersOf(db, 'master'),
      }).toEqual({
        // Whoever has CREATEROLE before PostgreSQL 16 can become it, and so can who has nothing but ADMIN OPTION.
        migrator: [...creator, 'lowpriv', 'other'].sort(),
        app: [...creator, 'lowpriv', 'other'].sort(),
        fleet: ['admin_only', 'app', 'lowpriv', 'migrator', 'other', ...creator].sort(),
        master: [
          'admin_only',
          'app',
          'fleet',
          'lowpriv',
          'migrator',
          'other',
          ...(major >= 16 ? ['creator'] : []),
        ].sort(),
      });
    });

    test('what the login has besides, and the role has not', async () => {
      const db = await server(major, ownersOf(['app']));
      expect(await strangersOf(db, 'migrator')).toEqual([]);
      // Rights and objects in the database that the role owns are within its reach.
      await db.client.query(
        db.named(
          'CREATE TABLE theirs (); GRANT SELECT ON theirs TO $migrator; CREATE SCHEMA trueup AUTHORIZATION $migrator',
        ),
      );
      expect(await strangersOf(db, 'migrator')).toEqual([]);
      for (const [give, take] of [
        ['ALTER ROLE $migrator CREATEDB', 'ALTER ROLE $migrator NOCREATEDB'],
        ['ALTER ROLE $migrator BYPASSRLS', 'ALTER ROLE $migrator NOBYPASSRLS'],
        ['GRANT pg_monitor TO $migrator', 'REVOKE pg_monitor FROM $migrator'],
        [`ALTER DATABASE ${db.database} OWNER TO $other`, `ALTER DATABASE ${db.database} OWNER TO $app`],
      ] as const) {
        await db.client.query(db.named(give));
        expect([give, await strangersOf(db, 'migrator')]).toEqual([give, ['app']]);
        await db.client.query(db.named(take));
      }
      expect(await strangersOf(db, 'migrator')).toEqual([]);
    });

    test('owning the database, and being part of an extension, is no reason', async () => {
      const db = await server(
        major,
        `CREATE EXTENSION citext; SET ROLE $app; ${evil('public.evil')} RESET ROLE; ALTER EXTENSION citext ADD FUNCTION public.evil();`,
      );
      expect(await strangersOf(db, 'master')).toEqual(['app']);
    });
  });

  /** Asked as the login of the deployments, which trusts its owner, about what others put there. */
  async function judged(sql: string, texts: readonly string[], login: Role = 'migrator') {
    const db = await server(major, sql);
    const plan = await asking(db.as(login));
    const verdicts = await plan(texts.map((text) => ({ text, role: null, searchPath: 'public' })));
    const { rows } = await db.client.query(
      "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711 AND pid <> pg_backend_pid() AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
    );
    expect(rows).toEqual([]);
    return verdicts.map((verdict) =>
      brief(verdict).replace(/^undecided: it may call untrusted code[^(]*\((.*)\)$/s, (_, code) =>
        code.replace(/_[0-9a-f]{6}/g, ''),
      ),
    );
  }
  const TABLES = `SET ROLE $app; CREATE TABLE orders (id int PRIMARY KEY, email varchar(80), n int, at date); CREATE TABLE plain (id int, n int); RESET ROLE; GRANT CREATE ON SCHEMA public TO $app;
    GRANT ALL ON orders, plain TO $lowpriv;`;
  const LOWER = 'lowpriv: function public.lower(character varying)';

  test('functions count by name, path and number of arguments, and other sessions have no objects', async () => {
    expect(
      await judged(
        `${TABLES} SET ROLE $lowpriv; ${evil('lower', 'v varchar')} ${evil('two', 'a int, b int DEFAULT 1')} RESET ROLE;`,
        [
          'SELECT lower(email) FROM orders',
          'SELECT "lower" ( email ) FROM orders',
          "SELECT upper(email) FROM orders WHERE email = 'lower(x)' -- lower(x)",
          'SELECT lower(email, 1) FROM orders',
          'SELECT two(coalesce(id, 1), abs(n)) FROM orders',
          'SELECT o.two FROM orders o',
          'SELECT pg_catalog.upper(email) FROM orders',
          'SELECT count(*) FROM orders GROUP BY lower(concat(email, $1))',
        ],
      ),
    ).toEqual([
      LOWER,
      LOWER,
      'plans',
      '42883',
      'lowpriv: function public.two(integer,integer)',
      'lowpriv: function public.two(integer,integer)',
      'plans',
      LOWER,
    ]);
  });

  const LONG = `l${'o'.repeat(62)}`;
  const SPANS = major >= 14 ? 'spans_multirange' : 'spans';
  test.each([
    ['a literal as the only argument', "SELECT evil('a')"],
    ['one of any number of arguments', "SELECT many('a')"],
    ['a comment in a comment', "SELECT evil/* /* */ */('a')"],
    ['a comment in a comment, and a quote', "SELECT 1 /* /* */ ' */ , evil('a') --'"],
    ['a comment ends with a carriage return', "SELECT 1 -- x\r , evil('a')"],
    ['dollar quotes whose tag has a digit', "SELECT $a1$ -- $a1$, evil('a')"],
    ['dollar quotes whose tag has another letter', "SELECT $é$ -- $é$, evil('a')"],
    ['a word that ends with e before a literal', "SELECT name'\\', evil('a'), 'b'"],
    ['a literal that goes on', "SELECT E'a'\n'\\', ' || evil('a'::text) --'"],
    ['a literal that goes on behind a comment', "SELECT E'a' -- c\n '\\', ' || evil('a'::text) --'"],
    ['a name with quotes', `SELECT "ev""il"('a')`],
    ['a name of code points', `SELECT U&"ev!0069l" UESCAPE '!' ('a')`],
    ['a name with a comma', `SELECT evil("a,b") FROM (SELECT 'x'::text AS "a,b") s`],
    ['a name with brackets', `SELECT evil("a)(b") FROM (SELECT 'x'::text AS "a)(b") s`],
    ['a name with words', `SELECT two(" order by ", 'x') FROM (SELECT 'x'::text AS " order by ") s`],
    ['a name that ends with a dollar', "SELECT (ROW(1, 'a')::rows).evil$"],
    ['a name that ends with a sign', `SELECT (ROW(1, 'a')::rows)."evil!"`],
    ['a name longer than the server keeps', `SELECT ${LONG}ooo('a')`],
    ['a schema whose name is longer than the server keeps', `SELECT ${LONG}ooo.hidden('a')`],
    ['schema trueup, which is not Trueup’s', "SELECT trueup.hidden('a')"],
    ['a trusted function that is in such a schema', "SELECT trueup.outside('a')"],
    ['more parentheses than are resolved', `SELECT evil(${'('.repeat(600)}'a'${')'.repeat(600)})`],
    ['another spelling of an operator', "SELECT id FROM rows WHERE v != 'a'"],
    ['an array of rows', `SELECT '{"(x)"}'::_checked`],
    ['rows made from a text', `SELECT n FROM made`],
    ['the multirange of a range', 'SELECT range_agg(r) ||| 1 FROM ranges'],
  ])('no text hides a call: %s', async (name, text) => {
    const [found] = await judged(
      `CREATE SCHEMA ${LONG} AUTHORIZATION $lowpriv; CREATE SCHEMA trueup AUTHORIZATION $lowpriv; GRANT ALL ON SCHEMA ${LONG}, trueup TO PUBLIC;
       SET ROLE $app; CREATE FUNCTION trueup.outside(a text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN trueup.hidden(a); END'; RESET ROLE;
       SET ROLE $lowpriv; ${evil(`${LONG}.hidden`, 'a text')} ${evil('trueup.hidden', 'a text')} RESET ROLE;
       CREATE TABLE rows (id int, v varchar); CREATE TABLE made_of (n text); ALTER TABLE rows OWNER TO $app; GRANT ALL ON rows, made_of TO PUBLIC;
       SET ROLE $lowpriv; ${evil('evil', 'a text')} ${evil('two', 'a text, b text')} ${evil(LONG, 'a text')} ${evil('many', 'VARIADIC a text[]')}
       ${evil('"ev""il"', 'a text')} ${evil('evil$', 'a rows')} ${evil('"evil!"', 'a rows')} ${evil('ne', 'a varchar, b varchar', 'boolean', 'true')}
       ${evil('checks', 'a text', 'boolean', 'true')} CREATE DOMAIN checked_text AS text CHECK (checks(VALUE)); CREATE TABLE checked (d checked_text);
       CREATE OPERATOR <> (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = ne, RESTRICT = neqsel);
       CREATE VIEW made AS SELECT n FROM made_of WHERE n = (jsonb_populate_record(NULL::checked, '{"d": "x"}')).d;
       CREATE TYPE spans AS RANGE (SUBTYPE = int); ${evil('apart', `a ${SPANS}, b int`, 'int', '1')}
       CREATE OPERATOR ||| (LEFTARG = ${SPANS}, RIGHTARG = int, FUNCTION = apart);
       RESET ROLE; CREATE TABLE ranges (r spans); GRANT ALL ON ALL TABLES IN SCHEMA public TO PUBLIC;`,
      [major < 14 ? text.replace('range_agg(r)', 'r') : text],
    );
    expect(found).toMatch(
      name === 'a name of code points' ? /it names objects in a way/ : /^lowpriv: function /,
    );
  });

  test('an operator counts by the types of its operands', async () => {
    const of = (type: string) =>
      `${evil(`eq_${type}`, `a ${type}, b ${type}`, 'boolean', 'true')} CREATE OPERATOR public.= (FUNCTION = eq_${type}, LEFTARG = ${type}, RIGHTARG = ${type});`;
    const nobodys = `${TABLES} SET ROLE $lowpriv; CREATE TYPE z AS ENUM ('a'); CREATE TABLE theirs (z z); ${of('z')} RESET ROLE; GRANT SELECT ON theirs TO PUBLIC;`;
    const eq = 'lowpriv: function public.eq_z(public.z,public.z)';
    expect(
      await judged(nobodys, [
        'SELECT id FROM orders WHERE id = $1 AND email IN ($2, $3)',
        'SELECT z FROM theirs WHERE z = $1',
        "SELECT id FROM orders WHERE $1::z = 'a'",
        'SELECT id FROM orders o JOIN theirs USING (id)',
      ]),
    ).toEqual(['plans', eq, eq, eq]);
    expect(
      await judged(`${TABLES} SET ROLE $lowpriv; ${of('varchar')} RESET ROLE;`, [
        "SELECT id FROM orders WHERE email = 'a'",
        'SELECT id FROM orders WHERE email IN ($1)',
        'SELECT id FROM orders',
      ]),
    ).toEqual([
      'lowpriv: function public.eq_varchar(character varying,character varying)',
      'lowpriv: function public.eq_varchar(character varying,character varying)',
      'plans',
    ]);
  });

  test('a trusted function that executes its argument runs what the argument names', async () => {
    const body = (execute: string) =>
      `RETURNS text IMMUTABLE LANGUAGE plpgsql AS $f$ DECLARE t text; BEGIN ${execute} RETURN t; END $f$;`;
    expect(
      await judged(
        `${TABLES} SET ROLE $lowpriv; ${evil('evil')} RESET ROLE; SET ROLE $app;
         CREATE FUNCTION run(q text) ${body('EXECUTE q INTO t;')}
         CREATE FUNCTION loops(q text) ${body('FOR t IN EXECUTE format(q) LOOP END LOOP;')}
         CREATE FUNCTION fixed(q text) ${body("EXECUTE 'SELECT $1' INTO t USING q;")}
         CREATE FUNCTION wraps() ${body("t := run('SELECT ev' || 'il()');")}
         CREATE VIEW v AS SELECT run('SELECT evil()') AS word; RESET ROLE;`,
        [
          "SELECT run('SELECT evil()') FROM orders",
          "SELECT loops('SELECT evil()') FROM orders",
          "SELECT fixed('SELECT evil()') FROM orders",
          'SELECT wraps() FROM orders',
          'SELECT word FROM v',
        ],
      ),
    ).toEqual([
      expect.stringContaining('function public.run(text) runs what its arguments name'),
      expect.stringContaining('function public.loops(text) runs what its arguments name'),
      'plans',
      expect.stringContaining('function public.run(text) runs what its arguments name'),
      expect.stringContaining('function public.run(text) runs what its arguments name'),
    ]);
  });

  test('what another session has in its temporary schema is in nobody’s reach', async () => {
    const db = await server(major, TABLES);
    const theirs = await connect(db.as('temporary'));
    await theirs.query(
      `CREATE TYPE pg_temp.z AS ENUM ('a'); CREATE FUNCTION pg_temp.zeq(pg_temp.z, pg_temp.z) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT true';
       CREATE OPERATOR pg_temp.= (FUNCTION = pg_temp.zeq, LEFTARG = pg_temp.z, RIGHTARG = pg_temp.z);
       CREATE FUNCTION pg_temp.lower(varchar) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT NULL::text';
       CREATE OPERATOR pg_temp.= (FUNCTION = pg_catalog.texteq, LEFTARG = text, RIGHTARG = text)`,
    );
    const plan = await asking(db.as('migrator'));
    const verdicts = await plan(['SELECT lower(email) FROM public.orders WHERE email = $1']);
    expect(verdicts.map(brief)).toEqual(['plans']);
  });

  const KINDS: Readonly<Record<string, readonly [sql: string, text: string]>> = {
    default: ['ALTER TABLE orders ALTER email SET DEFAULT evil()', 'INSERT INTO orders (id) VALUES ($1)'],
    'generated column': [
      'ALTER TABLE orders ADD made text GENERATED ALWAYS AS (twice(id)) STORED',
      'INSERT INTO orders (id) VALUES ($1)',
    ],
    CHECK: ['ALTER TABLE orders ADD CHECK (twice(id) > evil())', 'SELECT id FROM orders'],
    'index expression': ['CREATE INDEX ON orders (twice(id))', 'SELECT id FROM orders'],
    'index predicate': ["CREATE INDEX ON orders (id) WHERE twice(id) = 'new'", 'SELECT id FROM orders'],
    'partition key': [
      'CREATE TABLE p (id int) PARTITION BY LIST (twice(id)); CREATE TABLE p1 PARTITION OF p DEFAULT',
      'SELECT id FROM p1',
    ],
    partition: [
      "CREATE TABLE p (id int) PARTITION BY LIST (id); CREATE TABLE p1 PARTITION OF p DEFAULT; CREATE INDEX ON p1 (id) WHERE twice(id) = 'new'",
      'SELECT id FROM p',
    ],
    'extended statistics': [
      major >= 14
        ? 'CREATE STATISTICS s ON (twice(id)), n FROM orders'
        : 'CREATE INDEX ON orders (twice(id))',
      'SELECT id FROM orders',
    ],
    view: ['CREATE VIEW v AS SELECT evil() AS word; CREATE VIEW w AS SELECT * FROM v', 'SELECT word FROM w'],
    rule: ['CREATE RULE r AS ON UPDATE TO orders DO ALSO SELECT evil()', 'UPDATE orders SET n = $1'],
    policy: [
      'ALTER TABLE orders ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; CREATE POLICY p ON orders USING (email = evil())',
      'SELECT id FROM orders',
    ],
    domain: [
      'CREATE DOMAIN d AS text CHECK (VALUE <> evil()); ALTER TABLE orders ADD tags d[]',
      "SELECT id FROM orders WHERE tags = '{1}'",
    ],
    'a domain that a text names': [
      'CREATE DOMAIN d AS text CHECK (VALUE <> evil())',
      "SELECT id FROM orders WHERE '{1}'::d[] = $1",
    ],
    aggregate: [
      'CREATE FUNCTION step(text, int) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN evil(); END $$; CREATE AGGREGATE gather(int) (SFUNC = step, STYPE = text)',
      'SELECT gather(id) FROM orders',
    ],
    cast: [
      'CREATE TYPE y AS (a int); CREATE FUNCTION to_y(int) RETURNS y LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM evil(); RETURN NULL; END $$; CREATE CAST (int AS y) WITH FUNCTION to_y(int)',
      'SELECT id::y FROM orders',
    ],
    'cast that to_json looks for when it runs': [
      "CREATE TYPE z AS ENUM ('a'); CREATE FUNCTION z_json(z) RETURNS json LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM evil(); RETURN '1'; END $$; CREATE CAST (z AS json) WITH FUNCTION z_json(z); CREATE VIEW v AS SELECT n FROM plain WHERE n::text = to_jsonb(ARRAY['a'::z])::text",
      'SELECT n FROM v',
    ],
    'cast that a policy makes row_to_json look for': [
      "CREATE TYPE z AS ENUM ('a'); CREATE FUNCTION z_json(z) RETURNS json LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM evil(); RETURN '1'; END $$; CREATE CAST (z AS json) WITH FUNCTION z_json(z); ALTER TABLE orders ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; CREATE POLICY p ON orders USING (email = row_to_json(ROW('a'::z))::text)",
      'SELECT id FROM orders',
    ],
    'range type': [
      'CREATE FUNCTION apart(date, date) RETURNS float8 IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM evil(); RETURN 1; END $$; CREATE TYPE days AS RANGE (SUBTYPE = date, SUBTYPE_DIFF = apart); ALTER TABLE orders ADD open days',
      'SELECT id FROM orders',
    ],
    'negator of a trusted operator': [
      "CREATE FUNCTION like1(orders, int) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT true'; CREATE FUNCTION unlike1(orders, int) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM evil(); RETURN true; END $$; CREATE OPERATOR === (FUNCTION = like1, LEFTARG = orders, RIGHTARG = int); CREATE OPERATOR !== (FUNCTION = unlike1, LEFTARG = orders, RIGHTARG = int, NEGATOR = ===)",
      'SELECT id FROM orders o WHERE NOT (o === 1)',
    ],
    'body of a trusted function': [
      'CREATE FUNCTION outer1() RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RETURN inner1(1); END $$; CREATE FUNCTION inner1(int) RETURNS text IMMUTABLE LANGUAGE sql AS $$ SELECT evil() $$',
      'SELECT outer1() FROM orders',
    ],
    'text in the body of a trusted function': [
      "CREATE FUNCTION dynamic() RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$ DECLARE t text; BEGIN EXECUTE 'SELECT evil()' INTO t; RETURN t; END $$",
      'SELECT dynamic() FROM orders',
    ],
    table_to_xml: [
      "CREATE VIEW evv AS SELECT pg_try_advisory_lock(4711) AS got; CREATE VIEW v AS SELECT n FROM plain WHERE n::text = table_to_xml(('public.ev' || 'v')::regclass, true, true, '')::text",
      'SELECT n FROM v',
    ],
    'operator on a function of the server that runs a text': [
      major >= 16
        ? "CREATE DOMAIN d AS text CHECK (VALUE <> evil()); CREATE OPERATOR @?@ (LEFTARG = text, RIGHTARG = text, FUNCTION = pg_input_is_valid); CREATE VIEW v AS SELECT n FROM plain WHERE 'x'::text @?@ 'd'::text"
        : "CREATE OPERATOR @?@ (LEFTARG = tsquery, RIGHTARG = text, FUNCTION = ts_rewrite); CREATE VIEW v AS SELECT n FROM plain WHERE 'x'::tsquery = ('x'::tsquery @?@ 'SELECT evil()'::text)",
      'SELECT n FROM v',
    ],
    'function of an extension that runs a text': [
      "CREATE EXTENSION tablefunc; CREATE VIEW v AS SELECT c.n FROM crosstab('SELECT 1, 1, evil()') AS c (n int, a text)",
      'SELECT n FROM v',
    ],
    'path of a trusted function with the caller’s own schema': [
      'RESET ROLE; CREATE SCHEMA $migrator; CREATE FUNCTION $migrator.mine() RETURNS text IMMUTABLE LANGUAGE sql AS $f$ SELECT public.evil() $f$; ALTER FUNCTION $migrator.mine() OWNER TO $lowpriv; CREATE FUNCTION outer1() RETURNS text IMMUTABLE LANGUAGE plpgsql SET search_path = "$user", public AS $f$ BEGIN RETURN mine(); END $f$',
      'SELECT outer1() FROM orders',
    ],
    query_to_xml: [
      'SELECT 1',
      "SELECT id FROM orders WHERE query_to_xml('SELECT evil()', true, true, '')::text = $1",
    ],
  };

  test.each(Object.entries(KINDS))('%s', async (_, [sql, text]) => {
    const lowpriv = `SET ROLE $lowpriv; ${evil('evil')} ${evil('twice', 'a int')} RESET ROLE;`;
    const [found] = await judged(`${TABLES} ${lowpriv} SET ROLE $app; ${sql}; RESET ROLE;`, [text]);
    expect(found).toMatch(
      /^(lowpriv: function (public|migrator)\.(evil|twice|mine)\(|rule |(postgres: )?function (query_to_xml|pg_input_is_valid|ts_rewrite|public\.crosstab))/,
    );
  });

  test('a trigger does not fire while it is planned, and a body that resolves elsewhere is nobody else’s', async () => {
    expect(
      await judged(
        `${TABLES} SET ROLE $lowpriv; ${evil('evil')} ${evil('pick', 'a int, b int')}
         CREATE FUNCTION fires() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$; RESET ROLE;
         SET ROLE $app; CREATE TRIGGER t BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION fires();
         CREATE FUNCTION pinned() RETURNS text IMMUTABLE LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$ BEGIN RETURN evil(); END $$;
         CREATE FUNCTION one() RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ DECLARE pick int; BEGIN pick := abs(1); RETURN pick; END $$; RESET ROLE;`,
        ['INSERT INTO orders (id) VALUES ($1)', 'SELECT one() FROM orders', 'SELECT pinned() FROM plain'],
      ),
    ).toEqual([
      'plans',
      'plans',
      'undecided: the server could not plan it, for a reason that has nothing to do with the schema',
    ]);
  });

  test('where an untrusted owner has functions, only what can reach them is undecided', async () => {
    const sql = `SET ROLE $app; CREATE FUNCTION tenant() RETURNS int STABLE LANGUAGE sql AS $$ SELECT current_setting('app.tenant')::int $$;
      CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.at := now(); RETURN NEW; END $$; RESET ROLE; ${TABLES}
      SET ROLE $app; CREATE TRIGGER s BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION stamp();
      CREATE TABLE tenants (id int, tenant_id int DEFAULT tenant()); RESET ROLE; GRANT $app TO $master;`;
    expect(
      await judged(
        sql,
        [
          'SELECT id, email FROM orders WHERE email = $1 AND id IN ($2, $3)',
          'INSERT INTO orders (id, email) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING',
          'SELECT id FROM plain WHERE n = tenant()',
          'INSERT INTO tenants (id) VALUES ($1)',
        ],
        'master',
      ),
    ).toEqual(['plans', 'plans', 'app: function public.tenant()', 'app: function public.tenant()']);
  });
});
