/** A login that does not trust the tables' owner: what may run the owner's code is neither run nor called good. */
import { randomBytes } from 'node:crypto';
import { afterAll, describe, expect, test } from 'vitest';
import { matchMessage } from '../../lambda/defects/signatures';
import { plan } from '../../lambda/engine';
import { readLedgersOfOtherTools } from '../../lambda/engine/ledger/other-tools';
import { verify } from '../../lambda/engine/verify';
import { answerQuestions } from '../../lambda/migrate/diagnosis';
import { connectPg } from '../../lambda/postgres/pg';
import { isLocked } from '../../lib/adopt/knex-lock';
import { asSuperuser, connect, createDatabase, majors, urlOf } from '../support/database';
import { contextFor, run, up } from '../support/engine';
import { manifestOf, migration, promising, request } from '../support/manifest';

const made: [number, string][] = [];
afterAll(async () => {
  for (const [major, role] of made)
    await asSuperuser(major, `DROP OWNED BY ${role} CASCADE; DROP ROLE ${role}`).catch(() => {});
});

/** A session that ran the owner's code holds this lock, whatever was rolled back. */
const TRAPPED =
  "SELECT count(*)::int AS n FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND objid = 4711 AND pid = pg_catalog.pg_backend_pid()";

/** Opens connections, each of which tells when it is closed how often the owner's code ran. */
function watch(url: string) {
  const ran: number[] = [];
  const open = (readOnly: boolean) => async () => {
    const db = await connectPg({ url, readOnly });
    const close = db.close.bind(db);
    db.close = async () => {
      ran.push(Number((await db.query(TRAPPED))[0]!.n));
      await close();
    };
    return db;
  };
  return { reading: open(true), writing: open(false), ran };
}

async function shop(major: number) {
  const suffix = randomBytes(3).toString('hex');
  const [login, app, lowpriv] = ['login', 'app', 'lowpriv'].map((name) => `${name}_${suffix}`) as [
    string,
    string,
    string,
  ];
  made.push(...[login, app, lowpriv].map((role): [number, string] => [major, role]));
  await asSuperuser(
    major,
    `CREATE ROLE ${login} LOGIN CREATEROLE PASSWORD 'p'; CREATE ROLE ${app} LOGIN PASSWORD 'p'; CREATE ROLE ${lowpriv} LOGIN PASSWORD 'p'; GRANT ${app} TO ${login}`,
  );
  const url = await createDatabase(major, `OWNER ${app}`);
  const client = await connect(url);
  await client.query(
    `GRANT CREATE ON SCHEMA public TO PUBLIC; GRANT CREATE ON DATABASE ${new URL(url).pathname.slice(1)} TO ${login}; SET ROLE ${app};
     CREATE TABLE orders (id int PRIMARY KEY, status text DEFAULT 'new', note text); RESET ROLE`,
  );
  const evil = `SET ROLE ${app}; CREATE FUNCTION evil() RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_lock(4711); RETURN 'x'; END $$;
    ALTER TABLE orders ALTER status SET DEFAULT evil(); CREATE INDEX late ON orders (id) WHERE note = 'x'; RESET ROLE`;
  return { url, client, app, lowpriv, evil, as: urlOf(url, { user: login, password: 'p' }) };
}

describe.each(majors())('PostgreSQL %i', (major) => {
  test('up applies what it cannot check, records and reports it as not proved; verify calls it neither good nor drift', async () => {
    const { as, client, app, evil } = await shop(major);
    const good = migration('0001_good', {
      verify: "SELECT s FROM trueup.col_default_is('orders', 'status', $$'new'$$) s",
    });
    await up(as, manifestOf(good));
    await client.query(evil);
    await client.query('SELECT pg_advisory_unlock_all()');
    const checks = [
      migration('0002_planned', {
        verify: "SELECT s FROM trueup.col_default_is('orders', 'status', $$lower('NEW') || evil()$$) s",
      }),
      migration('0003_written', {
        verify: "SELECT s FROM trueup.col_default_is('orders', 'status', 'evil()') s",
      }),
      migration('0004_conflict', { verify: "SELECT s FROM trueup.on_conflict_target('orders', '{id}') s" }),
      migration('0005_query', { verify: 'SELECT note FROM orders WHERE note IS NULL' }),
      migration('0006_index', { verify: "SELECT s FROM trueup.is_indexed('orders', '{id}', true) s" }),
      migration('0007_catalog', { verify: "SELECT s FROM trueup.col_is_null('orders', 'note') s" }),
    ];
    const manifest = manifestOf(good, ...checks);
    const session = watch(as);
    const { outcome } = await run(as, manifest, {}, { connect: session.writing });
    if (outcome.status !== 'done') throw new Error(JSON.stringify(outcome));
    const { report } = outcome;
    const code = [expect.stringContaining(`${app}: function public.evil()`)];
    const unchecked = ['0002_planned', '0004_conflict', '0005_query'].map((name) => ({
      migration: name,
      code,
    }));
    expect(report.applied).toHaveLength(6);
    expect(report.notChecked).toEqual(unchecked);
    expect(report.warnings).toEqual([
      ...unchecked.map(({ migration: name }) =>
        expect.stringMatching(`^${name}: applied, but not verified: .*${app}: function public.evil\\(\\)`),
      ),
      `3 of 6 are not checked; a login that is a member of ${app} and has no other privileges can check them`,
    ]);
    const { rows } = await client.query(
      'SELECT name, verified, not_checked IS NULL AS checked FROM trueup.migrations ORDER BY name',
    );
    expect(rows.filter(({ verified }) => !verified).map(({ name }) => name)).toEqual(
      unchecked.map(({ migration: name }) => name),
    );
    expect(rows.filter(({ checked }) => !checked)).toHaveLength(3);

    const verification = await verify({ ...contextFor(as, manifest), connect: session.reading }, 'app');
    expect(verification).toMatchObject({
      verified: ['0003_written', '0006_index', '0007_catalog'],
      errors: [],
      notChecked: [{ migration: '0001_good' }, ...unchecked],
      findings: [],
    });
    expect(session.ran).toEqual([0, 0]);
    // Whoever trusts the owner checks it.
    await client.query(`GRANT SELECT ON ALL TABLES IN SCHEMA trueup TO ${app}`);
    const owner = watch(urlOf(as, { user: app, password: 'p' }));
    const trusting = await verify({ ...contextFor(as, manifest), connect: owner.reading }, 'app');
    expect(trusting).toMatchObject({ verified: expect.arrayContaining(['0004_conflict', '0005_query']) });
    expect(owner.ran).not.toEqual([0]);
  });

  test('the ledger of another tool is not read where its owner’s code would run', async () => {
    const { as, client, app, evil } = await shop(major);
    await client.query(
      `${evil}; SET ROLE ${app}; CREATE TABLE schema_migrations (version text PRIMARY KEY); INSERT INTO schema_migrations VALUES ('0002');
       CREATE TABLE knex_migrations (id int, name text, batch int, migration_time timestamptz); CREATE TABLE knex_migrations_lock (is_locked int);
       INSERT INTO knex_migrations_lock VALUES (1); CREATE SCHEMA plain; CREATE TABLE plain.schema_version (version int); INSERT INTO plain.schema_version VALUES (7);
       CREATE INDEX a ON schema_migrations (version) WHERE evil() = 'x'; CREATE INDEX b ON knex_migrations_lock (is_locked) WHERE evil() = 'x';
       ALTER TABLE knex_migrations ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; CREATE POLICY p ON knex_migrations USING (name = evil()); RESET ROLE;
       GRANT USAGE ON SCHEMA plain TO PUBLIC; GRANT SELECT ON plain.schema_version TO PUBLIC; SELECT pg_advisory_unlock_all()`,
    );
    const session = watch(as);
    const manifest = manifestOf(migration('0001_a'));
    const notRead = (table: string) =>
      expect.stringMatching(
        `"public"."${table}" looks like .*, but reading it may run untrusted code .*${app}: function public.evil\\(\\)`,
      );
    const warnings = expect.arrayContaining([notRead('schema_migrations'), notRead('knex_migrations')]);
    const planned = await plan({ ...contextFor(as, manifest), connect: session.reading }, request(manifest));
    expect(planned).toMatchObject({ warnings });
    const { outcome } = await run(as, manifest, {}, { connect: session.writing });
    expect(outcome).toMatchObject({ status: 'done', report: { applied: ['0001_a'], warnings } });
    const db = await session.reading();
    const code = expect.stringContaining(`${app}: function public.evil()`);
    const ledgers = await readLedgersOfOtherTools(db, null, { detail: true });
    expect(ledgers.sort((a, b) => (a.table < b.table ? -1 : 1))).toEqual([
      { tool: 'tern', table: '"plain"."schema_version"', rows: [{ version: '7' }] },
      { tool: 'Knex', table: '"public"."knex_migrations"', rows: null, code },
      { tool: 'dbmate', table: '"public"."schema_migrations"', rows: null, code },
    ]);
    expect(await isLocked(db, '"public"."knex_migrations"')).toBe(false);
    await db.close();
    expect(session.ran).toEqual([0, 0, 0]);
  });

  test('a diagnosis asks for no rows where the owner’s code would run', async () => {
    const { as, client, app, evil } = await shop(major);
    const tables = [
      'one (id serial PRIMARY KEY, n int)',
      'pair (a int, id serial, n int, PRIMARY KEY (a, id))',
      'early (id bigint PRIMARY KEY, n int)',
    ];
    await client.query(
      `${evil}; SET ROLE ${app}; ${tables.map((table) => `CREATE TABLE ${table}; CREATE INDEX ON ${table.split(' ')[0]} (n) WHERE evil() = 'x'`).join('; ')};
       INSERT INTO one VALUES (1); INSERT INTO pair VALUES (1, 1); RESET ROLE; SELECT pg_advisory_unlock_all()`,
    );
    const questions = [
      [
        'duplicate key value violates unique constraint "one_pkey"',
        '23505',
        'INSERT INTO one (n) VALUES ($1)',
      ],
      [
        'duplicate key value violates unique constraint "pair_pkey"',
        '23505',
        'INSERT INTO pair (a, n) VALUES ($1, $2)',
      ],
      [
        'null value in column "id" of relation "early" violates not-null constraint',
        '23502',
        'INSERT INTO early (n) VALUES ($1)',
      ],
    ].map(([message, sqlstate, statement]) => {
      const { signature, names, text } = matchMessage(message!, sqlstate!)!;
      const { table = null, column = null, constraint = null } = names;
      return {
        signature: signature.id,
        database: '',
        user: app,
        table,
        column,
        constraint,
        message: text,
        statement: statement!,
      };
    });
    for (const [url, refused] of [
      [as, true],
      [urlOf(as, { user: app, password: 'p' }), false],
    ] as const) {
      const session = watch(url);
      const answers = await answerQuestions(questions, {
        ...contextFor(url, manifestOf()),
        connect: session.reading,
        namespace: 'app',
      });
      const code = new RegExp(`not checked: it may run code .*\\(${app}: function public.evil\\(\\)\\)`);
      expect(answers.map(({ kind }) => kind)).toEqual(
        refused
          ? [null, null, 'missing-primary-key-default']
          : ['sequence-behind', 'sequence-behind', 'missing-primary-key-default'],
      );
      for (const { notChecked } of answers)
        expect(
          notChecked.some((line) => code.test(line)),
          notChecked.join('\n'),
        ).toBe(refused);
      expect(session.ran.some((n) => n > 0)).toBe(!refused);
    }
  });

  test('a fault is a fault, whatever beside it is not checked', async () => {
    const { as, client, evil } = await shop(major);
    await client.query(evil);
    const both = migration('0001_both', {
      verify: "SELECT note FROM orders WHERE note IS NULL UNION ALL SELECT 'wrong'",
    });
    expect((await up(as, manifestOf(both))).report.notChecked).toHaveLength(1);
    const wrong = migration('0002_wrong', { verify: "SELECT s FROM trueup.hasnt_table('orders') s" });
    const { outcome } = await run(as, manifestOf(both, wrong));
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'verification' } });
  });

  test.each([
    [
      'with CREATE in public',
      (lowpriv: string) =>
        `SET ROLE ${lowpriv}; CREATE TYPE public.z AS ENUM ('a'); CREATE FUNCTION public.zeq(z, z) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT true';
         CREATE OPERATOR public.= (FUNCTION = zeq, LEFTARG = z, RIGHTARG = z); RESET ROLE`,
    ],
    [
      'with CONNECT and TEMP only',
      (lowpriv: string) =>
        `SET ROLE ${lowpriv}; CREATE TYPE pg_temp.z AS ENUM ('a'); CREATE FUNCTION pg_temp.zeq(pg_temp.z, pg_temp.z) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT true';
         CREATE OPERATOR pg_temp.= (FUNCTION = pg_temp.zeq, LEFTARG = pg_temp.z, RIGHTARG = pg_temp.z);
         CREATE OPERATOR pg_temp.= (FUNCTION = pg_catalog.texteq, LEFTARG = text, RIGHTARG = text); RESET ROLE`,
    ],
  ])('a role %s does not switch the guard off, before or during a deployment', async (_, attack) => {
    for (const when of ['before', 'during'] as const) {
      const { as, client, lowpriv } = await shop(major);
      const promise = [
        'INSERT INTO orders (id, note) VALUES ($1, $2)',
        'SELECT id FROM orders WHERE status = $1',
      ];
      const first = migration('0001_first');
      await up(as, promising(manifestOf(first), ...promise), { ownerRole: null });
      if (when === 'before') await client.query(attack(lowpriv));
      const breaking = migration('0002_breaking', {
        up: ['ALTER TABLE orders ADD COLUMN currency text NOT NULL'],
      });
      const ordinary = migration('0002_a', { up: [when === 'during' ? 'SELECT pg_sleep(0.5)' : 'SELECT 1'] });
      const running = run(
        as,
        promising(manifestOf(first, ordinary, { ...breaking, name: '0003_breaking' }), ...promise),
      );
      if (when === 'during') await client.query(attack(lowpriv));
      const { outcome } = await running;
      expect([when, outcome]).toMatchObject([
        when,
        { status: 'failed', error: { code: 'workload', sqlstate: '23502' } },
      ]);
    }
  });
});
