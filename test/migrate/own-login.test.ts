/** A login of Trueup's own: what the first run makes with the master user's rights, on a server with logins as RDS has them. */
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { converge, verify } from '../../lambda/engine';
import { computeScramVerifier } from '../../lambda/migrate/bootstrap';
import { type ConnectOptions, makeConnector } from '../../lambda/migrate/connect';
import type { MigrateSettings } from '../../lambda/migrate/migrate-settings';
import { buildDefaultOwnerName } from '../../lambda/migrate/own-login';
import type { Database } from '../../lambda/postgres/database';
import { quoteIdentifier } from '../../lambda/sql/quote';
import { type PostgresServer, startPostgres } from '../../lib/scratch-postgres/server';
import { makeCertificates } from '../e2e/support/certificates';
import { listen, type Services } from '../support/aws/conductor/endpoint';
import { type DataApiEndpoint, startDataApi } from '../support/aws/data-api';
import { outerMajors } from '../support/database';
import { manifestOf, migration, request } from '../support/manifest';
import { quiet } from '../support/quiet';
import { shadowFor, USED } from '../support/shadow';

const logged: Record<string, unknown>[] = [];
quiet(logged);
const NO_PATIENCE = { ms: 0, pauseMs: 1 };
const OWN_SECRET = 'arn:aws:secretsmanager:us-east-1:000000000000:secret:own';
const MASTER_SECRET = 'arn:aws:secretsmanager:us-east-1:000000000000:secret:master';
const OWNER: { owner: { account: string; region: string; stackName: string } } = {
  owner: { account: '000000000000', region: 'us-east-1', stackName: 'shop' },
};

describe('a password', () => {
  it('is never in its verifier, and other characters than ASCII are refused', () => {
    expect(computeScramVerifier('secret')).not.toContain('secret');
    expect(computeScramVerifier('secret')).toMatch(
      /^SCRAM-SHA-256\$4096:[A-Za-z0-9+/=]{24}\$[A-Za-z0-9+/=]{44}:[A-Za-z0-9+/=]{44}$/,
    );
    for (const wrong of ['', 'größe', 'a\nb'])
      expect(() => computeScramVerifier(wrong)).toThrow(/characters other than/);
  });
});

it("a name that the server would cut off is refused: its owner's", () => {
  expect(buildDefaultOwnerName('x'.repeat(57))).toHaveLength(63);
  expect(() => buildDefaultOwnerName('x'.repeat(58))).toThrow(/limit of 63 bytes/);
  expect(() => buildDefaultOwnerName('é'.repeat(29))).toThrow(/limit of 63 bytes/);
});

describe.each(outerMajors())('PostgreSQL %i', (major) => {
  let server: PostgresServer;
  let admin: Client;
  let dataApi: DataApiEndpoint;
  let roots: string;
  let close: () => void;
  const secrets: Record<string, string> = {};
  const reads: string[] = [];
  /** As the Data API reads it. */
  const ownSecret = { username: 'nobody', password: '' };

  beforeAll(async () => {
    const certificates = await makeCertificates();
    server = await startPostgres({
      major,
      superuser: 'rdsadmin',
      tls: certificates,
      settings: { log_statement: 'all' },
    });
    roots = join(server.dataDirectory, '..', 'roots.pem');
    writeFileSync(roots, certificates.ca);
    const hba = join(server.dataDirectory, 'pg_hba.conf');
    // In the place of RDS: whoever is in rds_iam needs a token, which this server cannot check.
    writeFileSync(
      hba,
      `hostssl all master,rdsadmin 127.0.0.1/32 scram-sha-256\nhostssl all +rds_iam 127.0.0.1/32 trust\n${readFileSync(hba, 'utf8')}host all all 127.0.0.1/32 scram-sha-256\n`,
    );
    admin = new Client({ connectionString: server.url(), ssl: { ca: certificates.ca } });
    await admin.connect();
    await admin.query(`SELECT pg_reload_conf(); SET password_encryption = 'scram-sha-256';
      CREATE ROLE rds_iam NOLOGIN; CREATE ROLE rds_superuser NOLOGIN;
      GRANT pg_monitor, pg_read_all_stats TO rds_superuser WITH ADMIN OPTION;
      CREATE ROLE master LOGIN CREATEDB CREATEROLE PASSWORD 'm';
      GRANT rds_superuser TO master`);
    // As on RDS: it may give rds_iam, and is no member. A function has to do instead of Amazon's own code.
    await admin.query('GRANT rds_iam TO rds_superuser WITH ADMIN OPTION');
    secrets[MASTER_SECRET] = JSON.stringify({ username: 'master', password: 'm' });
    dataApi = await startDataApi({
      host: '127.0.0.1',
      port: server.port,
      secret: { username: 'nobody', password: '' },
      secrets: { [MASTER_SECRET]: { username: 'master', password: 'm' }, [OWN_SECRET]: ownSecret },
    });
    const services = {
      getSecretValue: (id: string) => {
        reads.push(id);
        return secrets[id]!;
      },
    };
    const endpoint = await listen(() => services as unknown as Services);
    close = () => {
      endpoint.server.closeAllConnections();
      endpoint.server.close();
    };
    vi.stubEnv('AWS_ENDPOINT_URL', `http://127.0.0.1:${endpoint.port}`);
    vi.stubEnv('AWS_ENDPOINT_URL_RDS_DATA', dataApi.url);
    vi.stubEnv('AWS_REGION', 'us-east-1');
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await admin?.end();
    await dataApi?.close();
    await server?.stop();
    close?.();
  });

  type Change = Partial<Omit<MigrateSettings, 'connection'>> & { readonly keep?: boolean };
  const pg = (database: string, user: string, change: Change = {}): MigrateSettings => ({
    namespace: 'app',
    ownerRole: null,
    connection: {
      transport: 'pg',
      host: '127.0.0.1',
      port: server.port,
      database,
      login: { auth: 'iam', user },
      rootsFile: roots,
    },
    adminSecretArn: MASTER_SECRET,
    createDatabase: true,
    ownLogin: { user, keepDeployed: change.keep ?? false },
    manifestFile: '',
    ...change,
  });
  const overDataApi = (database: string, user: string, change: Change = {}): MigrateSettings => ({
    ...pg(database, user, change),
    connection: { transport: 'data-api', clusterArn: dataApi.clusterArn, secretArn: OWN_SECRET, database },
  });
  const setPassword = (username: string, password: string): void => {
    secrets[OWN_SECRET] = JSON.stringify({ username, password });
    Object.assign(ownSecret, { username, password });
  };
  const open = (settings: MigrateSettings, options?: ConnectOptions): Promise<Database> =>
    makeConnector(settings, NO_PATIENCE)(options);
  const user = async (db: Database): Promise<unknown> => {
    const [row] = await db.query('SELECT current_user::text AS name');
    await db.close();
    return row!.name;
  };
  const asMaster = async (database: string, sql: string): Promise<void> => {
    const client = new Client({
      connectionString: server.url(database, 'master', 'm'),
      ssl: { ca: readFileSync(roots, 'utf8') },
    });
    await client.connect();
    try {
      await client.query(sql);
    } finally {
      await client.end();
    }
  };
  const inDatabase = async (database: string, sql: string): Promise<Record<string, unknown>[]> => {
    const client = new Client({
      connectionString: server.url(database),
      ssl: { ca: readFileSync(roots, 'utf8') },
    });
    await client.connect();
    try {
      return (await client.query(sql)).rows as Record<string, unknown>[];
    } finally {
      await client.end();
    }
  };
  const manifest = manifestOf(
    migration('0001_t', {
      up: ['CREATE TABLE t (id int)', 'CREATE SCHEMA app', 'CREATE TABLE app.u (id int)'],
      verify: "SELECT 'no table' WHERE to_regclass('t') IS NULL",
    }),
  );
  const second = manifestOf(
    manifest.migrations[0]!,
    migration('0002_n', { up: ['ALTER TABLE t ADD n int'], verify: "SELECT 'x' WHERE false" }),
  );
  const context = (settings: MigrateSettings, which = manifest) => ({
    connect: makeConnector(settings, NO_PATIENCE),
    manifest: which,
    deadline: Date.now() + 30_000,
  });
  /** The master user must be able to log in with its password on RDS: it is in no role that needs a token. */
  const masterIsNoMember = async (role: string): Promise<void> => {
    const { rows } = await admin.query(
      `SELECT m.admin_option${major >= 16 ? ', m.inherit_option, m.set_option' : ''} FROM pg_auth_members m
       WHERE m.roleid = $1::regrole AND m.member = 'master'::regrole`,
      [quoteIdentifier(role)],
    );
    // Who makes a role has this from 16 on, and cannot be without it.
    expect(rows).toEqual(
      major >= 16 ? [{ admin_option: true, inherit_option: false, set_option: false }] : [],
    );
  };
  const fresh = (): string => `d${randomBytes(4).toString('hex')}`;

  it('a new database: owner, login and database, and the master secret is read by the first run alone', async () => {
    const name = fresh();
    const login = `${name}_migrator`;
    const settings = pg(name, login);
    reads.length = 0;
    const outcome = await converge(context(settings), request(manifest, OWNER));
    expect(outcome, JSON.stringify(outcome)).toMatchObject({
      status: 'done',
      report: { applied: ['0001_t'], warnings: [] },
    });
    expect(reads).toEqual([MASTER_SECRET]);
    await masterIsNoMember(login);
    const rows = await inDatabase(
      name,
      `SELECT pg_get_userbyid(datdba) AS database, (SELECT tableowner FROM pg_tables WHERE tablename = 't') AS tables,
        (SELECT rolcanlogin FROM pg_roles WHERE rolname = '${name}_owner') AS owner_logs_in,
        (SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'trueup') AS ledger,
        (SELECT row(rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls)::text FROM pg_roles WHERE rolname = '${login}') AS attributes,
        (SELECT array_agg(r.rolname::text ORDER BY r.rolname::text COLLATE "C") FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid WHERE m.member = '${login}'::regrole) AS member
       FROM pg_database WHERE datname = current_database()`,
    );
    expect(rows).toEqual([
      {
        database: `${name}_owner`,
        tables: `${name}_owner`,
        owner_logs_in: false,
        ledger: login,
        attributes: '(f,f,f,f,f)',
        member: [`${name}_owner`, 'pg_read_all_stats', 'rds_iam'],
      },
    ]);
    reads.length = 0;
    expect(await user(await open(settings))).toBe(login);
    const without = { ...settings, adminSecretArn: null };
    expect(await converge(context(without, second), request(second, OWNER))).toMatchObject({
      status: 'done',
    });
    const asking = { ...without, queryOnly: true };
    expect(await verify(context(asking, second), 'app')).toMatchObject({
      verified: ['0001_t', '0002_n'],
      errors: [],
    });
    expect(reads).toEqual([]);
  });

  it('over the Data API: a secret of its own, as a verifier; set anew where it is refused', async () => {
    const name = fresh();
    const login = `${name}_migrator`;
    const settings = overDataApi(name, login);
    setPassword(login, 'first-password');
    const outcome = await converge(context(settings), request(manifest, OWNER));
    expect(outcome, JSON.stringify(outcome)).toMatchObject({
      status: 'done',
      report: { applied: ['0001_t'], warnings: [] },
    });
    expect(await user(await open(settings))).toBe(login);
    // Rotated: only the secret knows the new one.
    setPassword(login, 'second-password');
    const mayNot = { ...settings, adminSecretArn: null };
    await expect(open(mayNot)).rejects.toMatchObject({
      info: {
        code: 'connection',
        message: expect.stringContaining(`refused the login ${login}`),
        sqlstate: '28P01',
      },
    });
    await expect(open({ ...mayNot, queryOnly: true })).rejects.toMatchObject({
      name: 'ConnectionLostError',
      reason: '28P01',
    });
    expect(await user(await open(settings))).toBe(login);
    const log = readFileSync(server.logFile, 'utf8') + JSON.stringify(logged);
    expect(log).toContain('SCRAM-SHA-256$4096:');
    expect(log).not.toMatch(/first-password|second-password/);
  });

  it('cut anywhere, the next run goes on', async () => {
    const name = fresh();
    const login = `${name}_migrator`;
    setPassword(login, 'password');
    const steps = [
      `CREATE ROLE ${name}_owner NOLOGIN`,
      `GRANT ${name}_owner TO master${major >= 16 ? ' WITH INHERIT TRUE, SET TRUE' : ''}`,
      `CREATE ROLE ${login} LOGIN; COMMENT ON ROLE ${login} IS 'Login of Trueup for database ${name}'`,
      `CREATE DATABASE ${name} OWNER ${name}_owner`,
      // A role without a password, and with no right in the database.
      `GRANT ${name}_owner TO ${login}`,
    ];
    for (let done = 0; done <= steps.length; done++) {
      for (const step of steps.slice(0, done)) await asMaster('postgres', step);
      const outcome = await converge(context(overDataApi(name, login)), request(manifest, OWNER));
      expect(outcome, `after ${done} steps`).toMatchObject({ status: 'done' });
      await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
      await admin.query(`DROP ROLE ${login}`);
      await admin.query(`DROP ROLE ${name}_owner`);
    }
  });

  it('the same login over the other transport, and back', async () => {
    const name = fresh();
    const login = `${name}_migrator`;
    setPassword(login, 'password');
    const takesToken = async () =>
      (await admin.query("SELECT pg_has_role($1, 'rds_iam', 'MEMBER') AS token", [login])).rows[0].token;
    for (const own of [pg, overDataApi, pg]) {
      expect(await user(await open(own(name, login)))).toBe(login);
      expect(await takesToken()).toBe(own === pg);
    }
  });

  it('four first runs at once', async () => {
    for (const make of [pg, overDataApi]) {
      const name = fresh();
      setPassword(`${name}_migrator`, 'password');
      const all = await Promise.all(
        Array.from({ length: 4 }, async () => user(await open(make(name, `${name}_migrator`)))),
      );
      expect(all).toEqual(Array.from({ length: 4 }, () => `${name}_migrator`));
    }
  });

  it('a role of the same name that is somebody else keeps its password', async () => {
    const name = fresh();
    const login = `${name}_migrator`;
    await asMaster('postgres', `CREATE ROLE ${login} LOGIN PASSWORD 'theirs'`);
    setPassword(login, 'ours');
    const refused = await open(overDataApi(name, login)).catch((error) => error);
    expect(refused.info).toMatchObject({
      code: 'privilege',
      message: expect.stringContaining(`role ${login}`),
      remedy: expect.stringContaining('COMMENT ON ROLE'),
    });
    const theirs = new Client({
      connectionString: server.url('postgres', login, 'theirs'),
      ssl: { ca: readFileSync(roots, 'utf8') },
    });
    await theirs.connect();
    await theirs.end();
    // A person decides otherwise.
    const [, comment] = /password: (.*;)$/.exec(refused.info.remedy)!;
    await asMaster('postgres', comment!);
    expect(await user(await open(overDataApi(name, login)))).toBe(login);
  });

  it('names that need quotes, and an owner that logs in with a token of its own: the master user does not become one', async () => {
    const name = `${fresh()} "É" o'b`;
    const owner = `${fresh()}_app`;
    await asMaster('postgres', `CREATE ROLE ${owner} LOGIN; GRANT rds_iam TO ${owner}`);
    const login = `${fresh()}_migrator`;
    const settings = pg(name, login, { ownerRole: owner });
    const outcome = await converge(context(settings), request(manifest, { ...OWNER, ownerRole: owner }));
    expect(outcome, JSON.stringify(outcome)).toMatchObject({ status: 'done' });
    await masterIsNoMember(owner);
    await masterIsNoMember(login);
    expect(
      await inDatabase(
        name,
        'SELECT pg_get_userbyid(datdba) AS o FROM pg_database WHERE datname = current_database()',
      ),
    ).toEqual([{ o: owner }]);
    const quoted = fresh();
    setPassword(`${quoted}_migrator`, 'password');
    expect(await user(await open(overDataApi(`${quoted} "É" o'b`, `${quoted}_migrator`)))).toBe(
      `${quoted}_migrator`,
    );
  });

  it('the master secret that is gone is said, with what it is for', async () => {
    const name = fresh();
    await expect(open({ ...pg(name, `${name}_migrator`), adminSecretArn: 'gone' })).rejects.toMatchObject({
      info: { message: expect.stringContaining(`the login ${name}_migrator cannot be set up: the secret`) },
    });
  });

  // Before, whoever may make roles may give it.
  it.runIf(major >= 16)('pg_read_all_stats that cannot be given is a warning', async () => {
    const name = fresh();
    await admin.query('REVOKE ADMIN OPTION FOR pg_read_all_stats FROM rds_superuser CASCADE');
    try {
      const outcome = await converge(context(pg(name, `${name}_migrator`)), request(manifest, OWNER));
      expect(outcome, JSON.stringify(outcome)).toMatchObject({
        status: 'done',
        report: {
          warnings: [
            expect.stringContaining(`are not counted: ${name}_migrator is not a member of pg_read_all_stats`),
          ],
        },
      });
    } finally {
      await admin.query('GRANT pg_read_all_stats TO rds_superuser WITH ADMIN OPTION');
    }
  });

  describe('a database that was deployed as the master user', () => {
    const asBefore = (database: string, ownerRole: string | null = null): MigrateSettings => {
      const { ownLogin: _, ...settings } = pg(database, 'master', { ownerRole });
      const login = { auth: 'secret' as const, secretArn: MASTER_SECRET };
      return {
        ...settings,
        adminSecretArn: ownerRole === null ? MASTER_SECRET : MASTER_SECRET,
        connection: { ...settings.connection, login } as MigrateSettings['connection'],
      };
    };
    const deploy = async (name: string, owner: string | null): Promise<void> => {
      if (owner !== null) await asMaster('postgres', `CREATE ROLE ${owner} NOLOGIN`);
      const outcome = await converge(
        context(asBefore(name, owner)),
        request(manifest, { ...OWNER, ownerRole: owner, id: `${name}-first` }),
      );
      expect(outcome, JSON.stringify(outcome)).toMatchObject({
        status: 'done',
        report: { warnings: [expect.stringContaining('the login master has the privileges of the server')] },
      });
    };
    const owners = (name: string) =>
      inDatabase(
        name,
        `SELECT DISTINCT pg_get_userbyid(o) AS owner FROM (SELECT nspowner FROM pg_namespace WHERE nspname = 'trueup'
          UNION SELECT relowner FROM pg_class WHERE relnamespace = 'trueup'::regnamespace
          UNION SELECT proowner FROM pg_proc WHERE pronamespace = 'trueup'::regnamespace
          UNION SELECT typowner FROM pg_type WHERE typnamespace = 'trueup'::regnamespace) AS x (o)`,
      );

    it.each(['pg', 'data-api'] as const)(
      'keeps its login until it is told otherwise, over %s',
      async (transport) => {
        const name = fresh();
        const login = `${name}_migrator`;
        setPassword(login, 'password');
        const own = transport === 'pg' ? pg : overDataApi;
        await deploy(name, null);
        const kept = own(name, login, { keep: true });
        const outcome = await converge(context(kept, second), request(second, OWNER));
        expect(outcome, JSON.stringify(outcome)).toMatchObject({
          status: 'done',
          report: {
            applied: ['0002_n'],
            warnings: [expect.stringMatching(/logs in as master, as before; login: 'own'/)],
          },
        });
        const asking = { ...kept, queryOnly: true };
        expect(await verify(context(asking, second), 'app')).toMatchObject({
          verified: ['0001_t', '0002_n'],
          errors: [],
        });
        const db = await open(asking);
        await expect(db.query('CREATE TABLE x ()')).rejects.toMatchObject({ sqlstate: '25006' });
        expect(await user(db)).toBe('master');
        expect((await admin.query('SELECT FROM pg_roles WHERE rolname = $1', [login])).rows).toEqual([]);
      },
    );

    it('moves, all in one transaction; a rollback of that very deployment works as the master user, and so do later ones', async () => {
      for (const own of [pg, overDataApi]) {
        const name = fresh();
        const login = `${name}_migrator`;
        const owner = `${name}_app`;
        setPassword(login, 'password');
        await deploy(name, owner);
        const broken = manifestOf(
          ...second.migrations,
          migration('0003_i', {
            up: ['CREATE INDEX t_n ON t (n)'],
            down: ['DROP INDEX t_n'],
            undo: 'automatic',
          }),
          migration('0004_broken', { up: ['SELECT 1'], verify: "SELECT 'broken'" }),
        );
        const settings = own(name, login, { ownerRole: owner });
        const change = { ...OWNER, ownerRole: owner };
        const failed = await converge(context(settings, broken), request(broken, change));
        expect(failed).toMatchObject({ status: 'failed', error: { code: 'verification' } });
        expect(await owners(name)).toEqual([{ owner: login }]);
        await masterIsNoMember(login);

        // The old code, and its login.
        const back = await converge(
          context(asBefore(name, owner)),
          request(manifest, {
            ...change,
            direction: 'rollback',
            failed: { manifestHash: broken.hash, reportedSuccess: false },
          }),
        );
        expect(back).toMatchObject({ status: 'done', report: { undone: ['0003_i'] } });
        const later = manifestOf(
          ...second.migrations,
          migration('0003_m', { up: ['ALTER TABLE t ADD m int'], verify: 'SELECT 1 WHERE false' }),
        );
        expect(await converge(context(asBefore(name, owner), later), request(later, change))).toMatchObject({
          status: 'done',
        });
        expect(
          await verify(context({ ...asBefore(name, owner), queryOnly: true }, later), 'app', owner),
        ).toMatchObject({
          errors: [],
        });
        // And over again.
        const last = manifestOf(
          ...later.migrations,
          migration('0004_k', { up: ['ALTER TABLE t ADD k int'], verify: 'SELECT 1 WHERE false' }),
        );
        expect(await converge(context(settings, last), request(last, change))).toMatchObject({
          status: 'done',
          report: { applied: ['0004_k'] },
        });
        expect(
          await inDatabase(name, "SELECT DISTINCT tableowner FROM pg_tables WHERE tablename IN ('t', 'u')"),
        ).toEqual([{ tableowner: owner }]);
      }
    });

    it('moves where the search path begins with objects like the server’s own, and uses none of them', async () => {
      for (const own of [pg, overDataApi]) {
        const name = fresh();
        const login = `${name}_migrator`;
        const owner = `${name}_app`;
        setPassword(login, 'password');
        await deploy(name, owner);
        for (const sql of shadowFor('rdsadmin')) await inDatabase(name, sql);
        await inDatabase('postgres', `ALTER DATABASE ${name} SET search_path = shadow, pg_catalog, public`);
        const before = readFileSync(server.logFile, 'utf8').length;
        const uses = () => readFileSync(server.logFile, 'utf8').slice(before).split(`LOG:  ${USED}`).slice(1);
        await asMaster(name, "SELECT lower('X')").catch(() => {});
        expect(uses()).toHaveLength(1);
        const db = await open(own(name, login, { ownerRole: owner }));
        await db.close();
        expect(uses()).toHaveLength(1);
        await inDatabase('postgres', `ALTER DATABASE ${name} RESET search_path`);
        expect(await owners(name)).toEqual([{ owner: login }]);
      }
    });

    it('is refused while tables are the master user, with the statements, which help', async () => {
      const name = fresh();
      const login = `${name}_migrator`;
      await deploy(name, null);
      await asMaster(
        name,
        `CREATE TABLE "Mixed Case" (id serial); CREATE VIEW v AS SELECT 1 AS one; CREATE TYPE mood AS ENUM ('ok');
         CREATE DOMAIN d AS int; CREATE FUNCTION f(a int, b text) RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE SEQUENCE free`,
      );
      const settings = pg(name, login);
      const refused = await converge(context(settings, second), request(second, OWNER));
      if (refused.status !== 'failed') throw new Error(JSON.stringify(refused));
      expect(refused.error).toMatchObject({
        code: 'privilege',
        message: expect.stringMatching(/^5 tables, views or sequences of the application belong to master/),
      });
      expect(await owners(name)).toEqual([{ owner: 'master' }]);
      // A rollback is never stopped by it.
      const back = await converge(context(settings), request(manifest, { ...OWNER, direction: 'rollback' }));
      expect(back).toMatchObject({ status: 'done' });
      const [, statements] = /deploy again: (.*;)$/.exec(refused.error.remedy)!;
      await asMaster(name, `BEGIN; ${statements} COMMIT`);
      expect(await converge(context(settings, second), request(second, OWNER))).toMatchObject({
        status: 'done',
      });
      expect(await owners(name)).toEqual([{ owner: login }]);
    });

    it('waits while somebody works with the ledger', async () => {
      const name = fresh();
      const owner = `${name}_app`;
      await deploy(name, owner);
      const client = new Client({
        connectionString: server.url(name),
        ssl: { ca: readFileSync(roots, 'utf8') },
      });
      await client.connect();
      await client.query('BEGIN; LOCK TABLE trueup.migrations IN ROW EXCLUSIVE MODE');
      const settings = pg(name, `${name}_migrator`, { ownerRole: owner });
      const change = { ...OWNER, ownerRole: owner };
      expect(await converge(context(settings, second), request(second, change))).toMatchObject({
        status: 'continue',
        waitingFor: { code: 'busy' },
      });
      expect(await owners(name)).toEqual([{ owner: 'master' }]);
      await client.query('ROLLBACK');
      await client.end();
      expect(await converge(context(settings, second), request(second, change))).toMatchObject({
        status: 'done',
      });
    });
  });
});
