/** Whatever comes back has the source's rights, and no others; others that are there are found. */
import { beforeAll, describe, expect, test } from 'vitest';
import { audit } from '../../lib/audit/audit';
import { takeSnapshot } from '../../lib/audit/snapshot';
import { loadParser } from '../../lib/compiler/read/parser';
import { asSuperuser, connect, createDatabase, majors } from '../support/database';
import { roundTrip } from './round-trip';
import { readOnly } from './support';

beforeAll(() => loadParser());

let roles = 0;
async function createRole(major: number, prefix = 'rights'): Promise<string> {
  const role = `${prefix}_${process.pid}_${roles++}`;
  await asSuperuser(major, `CREATE ROLE ${role}`);
  return role;
}

/** What everybody but the owner may do on everything in public: as the server keeps it, with what it gives by itself. */
const RIGHTS = `SELECT o.what || ': ' || coalesce(r.rolname, 'public') || ' ' || a.privilege_type
      || CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS line
  FROM (SELECT relname::text AS what, relowner AS owner, relacl AS acl FROM pg_class
      WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'S')
    UNION ALL SELECT c.relname || '.' || a.attname, c.relowner, a.attacl FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
      WHERE c.relnamespace = 'public'::regnamespace AND a.attacl IS NOT NULL
    UNION ALL SELECT proname, proowner, coalesce(proacl, acldefault('f', proowner)) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT typname, typowner, coalesce(typacl, acldefault('T', typowner)) FROM pg_type
      WHERE typnamespace = 'public'::regnamespace AND typtype IN ('e', 'd')) AS o,
    aclexplode(o.acl) AS a LEFT JOIN pg_roles r ON r.oid = a.grantee WHERE a.grantee <> o.owner ORDER BY 1`;

const rightsOf = async (db: Awaited<ReturnType<typeof connect>>): Promise<readonly string[]> =>
  (await db.query(RIGHTS)).rows.map(({ line }: { line: string }) => line);

describe.each(majors())('PostgreSQL %i', (major) => {
  const pair = async () => {
    const urls = [await createDatabase(major), await createDatabase(major)] as const;
    return { urls, source: await connect(urls[0]), target: await connect(urls[1]) };
  };

  test('what comes back is not given to whom default privileges give it', async () => {
    const { urls, source, target } = await pair();
    const [reader, anon] = [await createRole(major), await createRole(major)];
    const objects = `
      CREATE TYPE mood AS ENUM ('good');
      CREATE DOMAIN positive AS int CHECK (VALUE > 0);
      REVOKE USAGE ON TYPE mood FROM PUBLIC;
      CREATE SEQUENCE alone;
      CREATE TABLE secret (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n serial, m mood, p positive);
      CREATE TABLE parts (id int) PARTITION BY LIST (id); CREATE TABLE part PARTITION OF parts DEFAULT;
      CREATE VIEW seen AS SELECT id FROM secret;
      CREATE MATERIALIZED VIEW kept AS SELECT id FROM secret;
      CREATE FUNCTION shared() RETURNS int LANGUAGE sql AS 'SELECT 1';
      CREATE FUNCTION hidden(a int, b text) RETURNS int LANGUAGE sql AS 'SELECT 1';
      CREATE PROCEDURE pr(n int) LANGUAGE sql AS 'SELECT 1';
      REVOKE EXECUTE ON FUNCTION hidden FROM PUBLIC; REVOKE EXECUTE ON PROCEDURE pr FROM PUBLIC;
      GRANT SELECT ON seen TO ${reader}; GRANT SELECT, INSERT ON secret TO ${reader}; GRANT SELECT (id) ON kept TO ${reader};
      CREATE TABLE here (id int NOT NULL, note text, n serial); ALTER TABLE here ALTER id ADD GENERATED ALWAYS AS IDENTITY;`;
    await source.query(objects);
    await target.query(`CREATE TABLE here (id int NOT NULL, note text, n int NOT NULL);
      ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO ${anon}, ${reader} WITH GRANT OPTION;
      ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO PUBLIC;
      ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO ${anon};
      ALTER DEFAULT PRIVILEGES GRANT USAGE ON TYPES TO ${anon};
      ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO ${anon};
      ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;`);
    const wanted = await rightsOf(source);
    expect(wanted).toContain(`secret: ${reader} INSERT`);
    const { written, left, first } = await roundTrip(urls[1], await readOnly(urls[1]), {
      version: '0',
      source: await readOnly(urls[0]),
    });
    // What is there already was made before.
    const notMade = new Set(['here']);
    expect((await rightsOf(target)).filter((each) => !notMade.has(each.split(':')[0]!))).toEqual(wanted);
    expect(left.filter(({ confidence }) => confidence < 'D')).toEqual([]);
    expect([...written.unwritten.values()]).toEqual([]);
    expect(
      first.findings.filter(({ id }) => id === 'grant-added').every(({ confidence }) => confidence === 'D'),
    ).toBe(true);
  });

  test('where the source does not tell, what default privileges give is a decision', async () => {
    const { urls, source, target } = await pair();
    const [anon, none] = [await createRole(major), await createRole(major)];
    await source.query(`CREATE TABLE secret (id serial PRIMARY KEY); CREATE VIEW seen AS SELECT id FROM secret;
      CREATE TYPE mood AS ENUM ('good'); CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';`);
    await target.query(`ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO ${anon};
      ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO CURRENT_USER; ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
      CREATE SCHEMA other; ALTER DEFAULT PRIVILEGES IN SCHEMA other GRANT SELECT ON TABLES TO ${none};`);
    const snapshot = await takeSnapshot(await readOnly(urls[0]), { version: '0' });
    const silent = { ...snapshot, catalog: { ...snapshot.catalog, roles: [], grants: [] } };
    const options = { version: '0', source: silent };
    const { written } = await roundTrip(urls[1], await readOnly(urls[1]), options);
    const asked = written.files.flatMap(({ text }) => text.match(/^-- migrate:decide .*$/gm) ?? []);
    expect(asked.sort()).toEqual(
      ['secret', 'seen'].map(
        (name) =>
          `-- migrate:decide default privileges of this database give ${anon} privileges on table public.${name}, and the source has no privilege information. Should they have them? If not, REVOKE them below`,
      ),
    );
  });

  test('row security comes with the table, before anybody has rights on it', async () => {
    const { urls, source, target } = await pair();
    const [anon, reader] = [await createRole(major), await createRole(major)];
    const defaults = `ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO ${anon}, ${reader};`;
    // The policy needs a function, so it comes in a later file.
    const table = (name: string) => `CREATE TABLE ${name} (id int PRIMARY KEY, owner int);
      CREATE POLICY own ON ${name} FOR SELECT TO ${reader} USING (owner = uid());
      ALTER TABLE ${name} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;`;
    await source.query(`${defaults} CREATE FUNCTION uid() RETURNS int LANGUAGE sql STABLE AS 'SELECT 1';
      ${table('notes')} ${table('here')} ${table('"Renamed"')} CREATE TABLE hidden (id int); ALTER TABLE hidden ENABLE ROW LEVEL SECURITY;`);
    await target.query(`${defaults} CREATE TABLE here (id int PRIMARY KEY, owner int);
      CREATE TABLE renamed (id int PRIMARY KEY, owner int);`);
    const options = { version: '0', source: await readOnly(urls[0]) };
    const { written, left } = await roundTrip(urls[1], await readOnly(urls[1]), options);
    const files = written.files.map(({ text }) => text);
    const enabling = (name: string) =>
      files.map((text) => text.split(`ALTER TABLE public.${name} ENABLE ROW LEVEL SECURITY`).length - 1);
    const at = (what: string) => files.findIndex((text) => text.includes(what));
    for (const name of ['notes', 'hidden']) {
      expect(enabling(name).reduce((sum, each) => sum + each)).toBe(1);
      expect(enabling(name)[at(`CREATE TABLE public.${name} `)]).toBe(1);
    }
    expect(at('CREATE POLICY own ON public.notes')).toBeGreaterThan(at('CREATE TABLE public.notes '));
    // Where rows are read already, nobody is locked out meanwhile.
    for (const name of ['here', '"Renamed"'])
      expect(enabling(name)[at(`CREATE POLICY own ON public.${name}`)]).toBe(1);
    expect(
      left.filter(({ confidence }) => confidence < 'D').map(({ id, object }) => `${id} ${object}`),
    ).toEqual(['row-security-without-policy public.hidden']);
    const forced = 'SELECT relname FROM pg_class WHERE relforcerowsecurity ORDER BY relname COLLATE "C"';
    expect((await target.query(forced)).rows).toEqual((await source.query(forced)).rows);
  });

  test('a right that is given while it is deployed stops the migration', async () => {
    const { urls, source, target } = await pair();
    const anon = await createRole(major);
    await source.query('CREATE TABLE secret (id int PRIMARY KEY)');
    await expect(
      roundTrip(urls[1], await readOnly(urls[1]), { version: '0', source: await readOnly(urls[0]) }, () =>
        target.query(`ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO ${anon}`),
      ),
    ).rejects.toThrow(`${anon} has SELECT on table public.secret; the source does not grant it`);
    expect((await target.query("SELECT to_regclass('secret') AS it")).rows).toEqual([{ it: null }]);
  });

  test('what only the target gives is found, and taken away after a decision', async () => {
    const { urls, source, target } = await pair();
    const [reader, updater] = [await createRole(major), await createRole(major)];
    const made = `CREATE TABLE t (id int, note text); CREATE VIEW v AS SELECT id FROM t; CREATE SEQUENCE s;
      CREATE TYPE mood AS ENUM ('good'); CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql AS 'SELECT 1';
      GRANT SELECT (id), SELECT (note) ON t TO ${reader};`;
    await source.query(`${made} REVOKE EXECUTE ON FUNCTION f FROM PUBLIC; GRANT SELECT ON v TO PUBLIC;`);
    await target.query(`${made} GRANT SELECT ON t TO ${reader}; GRANT SELECT ON v TO ${reader}, PUBLIC; GRANT USAGE ON s TO PUBLIC;
      GRANT UPDATE ON t TO ${updater}; GRANT CREATE ON SCHEMA public TO ${reader};`);
    const options = { version: '0', source: await readOnly(urls[0]) };
    const { first, written, left } = await roundTrip(urls[1], await readOnly(urls[1]), options);
    const found = first.findings.map(({ confidence, id, object }) => `${confidence} ${id} ${object}`);
    expect(found.filter((each) => each.includes('grant-added')).sort()).toEqual([
      // Until 15 everybody may create in public, in both.
      ...(major < 15 ? [] : ['B grant-added public']),
      'B grant-added public.f(integer)',
      'B grant-added public.s',
      'B grant-added public.t',
      'B grant-added public.t',
    ]);
    expect(first.findings.some(({ object }) => object === 'public.v')).toBe(false);
    expect(written.files.reduce((sum, { decisions }) => sum + decisions, 0)).toBeGreaterThan(0);
    expect(left).toEqual([]);
    // It has that through PUBLIC in the source.
    const same = (each: string) => each !== `v: ${reader} SELECT`;
    expect((await rightsOf(target)).filter(same)).toEqual(await rightsOf(source));
  });

  test('that a right may be passed on is found beside what everybody may do', async () => {
    const { urls, source, target } = await pair();
    const reader = await createRole(major);
    const made = `CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE TYPE mood AS ENUM ('good');`;
    await source.query(made);
    await target.query(`${made} GRANT EXECUTE ON FUNCTION f TO ${reader} WITH GRANT OPTION;
      GRANT USAGE ON TYPE mood TO ${reader} WITH GRANT OPTION;`);
    const options = { version: '0', source: await readOnly(urls[0]) };
    const { first, left } = await roundTrip(urls[1], await readOnly(urls[1]), options);
    expect(first.findings.map(({ message }) => message).sort()).toEqual([
      `${reader} has EXECUTE WITH GRANT OPTION on function public.f(); the source does not grant it.`,
      `${reader} has USAGE WITH GRANT OPTION on type public.mood; the source does not grant it.`,
    ]);
    expect(left).toEqual([]);
    expect((await rightsOf(target)).filter((each) => each.includes('GRANT OPTION'))).toEqual([]);
  });

  test.each([
    ['default privileges that are taken away later hold when something is created', ''],
    ['a right on a table and on a column of it', 'GRANT SELECT (id) ON here TO'],
  ])('%s', async (_, sql) => {
    const { urls, source, target } = await pair();
    // So many that it is one finding, of a name that stands before the view's.
    const reader = await createRole(major, 'a');
    const tables = ['here', 'more', 'again', 'last'].map((name) => `CREATE TABLE ${name} (id int);`).join('');
    await source.query(`${tables} CREATE MATERIALIZED VIEW kept AS SELECT 1 AS id;`);
    await target.query(
      `ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO ${reader} WITH GRANT OPTION; ${tables}`,
    );
    if (sql !== '') {
      await target.query(`${sql} ${reader}`);
      await source.query('DROP MATERIALIZED VIEW kept');
    }
    const options = { version: '0', source: await readOnly(urls[0]) };
    const { first, left } = await roundTrip(urls[1], await readOnly(urls[1]), options);
    expect(first.findings.map(({ id }) => id)[0]).toBe('grant-added');
    expect(left).toEqual([]);
    expect(await rightsOf(target)).toEqual(await rightsOf(source));
  });

  test('owners, superusers and roles that the source has not', async () => {
    const { urls, source, target } = await pair();
    const [owner, foreign, member, group] = [
      await createRole(major),
      await createRole(major),
      await createRole(major),
      await createRole(major),
    ];
    await source.query(`CREATE TABLE t (id int); CREATE TABLE u (id int); ALTER TABLE t OWNER TO ${owner};
      GRANT ${group} TO ${member}; GRANT SELECT ON u TO ${group};`);
    await target.query(`CREATE TABLE t (id int); CREATE TABLE u (id int); GRANT SELECT ON t TO ${owner};
      GRANT SELECT ON u TO ${group}, ${member}; GRANT UPDATE ON u TO ${foreign};`);
    const from = await readOnly(urls[0]);
    const to = await readOnly(urls[1]);
    const snapshot = await takeSnapshot(from, { version: '0' });
    const catalog = {
      ...snapshot.catalog,
      roles: snapshot.catalog.roles.filter(({ name }) => name !== foreign),
    };
    const { findings } = await audit(to, { version: '0', source: { ...snapshot, catalog } });
    expect(findings.map(({ confidence, id, message }) => `${confidence} ${id} ${message}`)).toEqual([
      `D grant-added ${foreign} has UPDATE on table public.u; the source does not grant it.`,
    ]);
    // Neither an SQLite file nor a dump without privileges tells.
    const silent = { ...snapshot, catalog: { ...snapshot.catalog, roles: [], grants: [] } };
    expect((await audit(to, { version: '0', source: silent })).findings).toEqual([]);
  });
});
