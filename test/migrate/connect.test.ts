/** Logging in as the settings say, on a server with TLS: rotation, the first run's database and role. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { makeConnector, rejectProxyHost, resolveTrustedRoots } from '../../lambda/migrate/connect';
import type { LoginMethod, MigrateSettings } from '../../lambda/migrate/migrate-settings';
import { type PostgresServer, startPostgres } from '../../lib/scratch-postgres/server';
import { makeCertificates } from '../e2e/support/certificates';
import { listen, type Services } from '../support/aws/conductor/endpoint';
import { quiet } from '../support/quiet';

quiet();
const secrets: Record<string, string> = {};
let reads = 0;
let server: PostgresServer;
let admin: Client;
let roots: string;
let close: () => void;

beforeAll(async () => {
  const certificates = await makeCertificates();
  server = await startPostgres({ tls: certificates });
  roots = join(server.dataDirectory, '..', 'roots.pem');
  writeFileSync(roots, certificates.ca);
  const services = {
    getSecretValue: (id: string) => {
      reads++;
      return secrets[id]!;
    },
  };
  const endpoint = await listen(() => services as unknown as Services);
  close = () => {
    endpoint.server.closeAllConnections();
    endpoint.server.close();
  };
  vi.stubEnv('AWS_ENDPOINT_URL', `http://127.0.0.1:${endpoint.port}`);
  vi.stubEnv('AWS_REGION', 'us-east-1');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
  admin = new Client({ connectionString: server.url(), ssl: { ca: certificates.ca } });
  await admin.connect();
  secrets.admin = JSON.stringify({ username: server.superuser, password: server.password });
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await admin?.end();
  await server?.stop();
  close?.();
});

const settings = (
  login: LoginMethod,
  change: Partial<MigrateSettings> & { database?: string } = {},
): MigrateSettings => ({
  namespace: 'app',
  ownerRole: null,
  connection: {
    transport: 'pg',
    host: '127.0.0.1',
    port: server.port,
    database: change.database ?? 'postgres',
    login,
    rootsFile: roots,
  },
  adminSecretArn: null,
  createDatabase: false,
  manifestFile: '',
  ...change,
});

test('a password that is rotated between two invocations is read again, once', async () => {
  await admin.query("CREATE ROLE rotating LOGIN PASSWORD 'one'");
  secrets.rotating = JSON.stringify({ username: 'rotating', password: 'one' });
  const connect = makeConnector(settings({ auth: 'secret', secretArn: 'rotating' }));
  reads = 0;
  await (await connect()).close();
  await (await connect()).close();
  expect(reads).toBe(1);
  await admin.query("ALTER ROLE rotating PASSWORD 'two'");
  secrets.rotating = JSON.stringify({ username: 'rotating', password: 'two' });
  await (await connect()).close();
  expect(reads).toBe(2);
  await admin.query("ALTER ROLE rotating PASSWORD 'three'");
  await expect(connect()).rejects.toMatchObject({ name: 'ConnectionLostError', reason: '28P01' });
  expect(reads).toBe(3);
});

test("a tenant's own secret takes the place of the login, and no role is made for it", async () => {
  await admin.query("CREATE ROLE tenant_a LOGIN PASSWORD 'a'");
  secrets['acme/tenants/a'] = JSON.stringify({
    username: 'tenant_a',
    password: 'a',
    host: 'db.evil.example',
    port: 1,
    dbname: 'other',
  });
  const user = async (db: Awaited<ReturnType<ReturnType<typeof makeConnector>>>) => {
    const [row] = await db.query('SELECT session_user AS name, current_database() AS database');
    await db.close();
    return row;
  };
  const own = { secret: 'acme/tenants/a', database: 'template1' };
  const byIam = { ...settings({ auth: 'iam', user: 'nobody_yet' }), adminSecretArn: 'admin' };
  for (const each of [settings({ auth: 'secret', secretArn: 'admin' }), byIam]) {
    const connect = makeConnector(each);
    expect(await user(await connect(own))).toEqual({ name: 'tenant_a', database: 'template1' });
  }
  secrets['acme/tenants/a'] = JSON.stringify({ username: 'tenant_b', password: 'b' });
  await expect(makeConnector(byIam)(own)).rejects.toMatchObject({
    name: 'ConnectionLostError',
    reason: '28P01',
  });
  const { rows } = await admin.query("SELECT FROM pg_roles WHERE rolname IN ('tenant_b', 'nobody_yet')");
  expect(rows).toEqual([]);
  // The one that everybody else has is still the settings' own.
  const connect = makeConnector(settings({ auth: 'secret', secretArn: 'admin' }));
  expect(await user(await connect())).toMatchObject({ name: server.superuser });
});

test('readers cannot write', async () => {
  const db = await makeConnector(settings({ auth: 'secret', secretArn: 'admin' }))({ readOnly: true });
  await expect(db.query('CREATE TABLE t ()')).rejects.toMatchObject({ sqlstate: '25006' });
  await db.close();
});

test('the first run makes database and role; both by two at once', async () => {
  // In the place of RDS: whoever is in rds_iam needs a token, which this server cannot check.
  const hba = join(server.dataDirectory, 'pg_hba.conf');
  writeFileSync(hba, `hostssl all +rds_iam 127.0.0.1/32 trust\n${readFileSync(hba, 'utf8')}`);
  await admin.query('CREATE ROLE rds_iam NOLOGIN; SELECT pg_reload_conf()');
  await admin.query("CREATE ROLE master LOGIN CREATEDB CREATEROLE PASSWORD 'm'");
  await admin.query('GRANT rds_iam TO master WITH ADMIN OPTION');
  secrets.master = JSON.stringify({ username: 'master', password: 'm' });
  await admin.query(
    'SET SESSION AUTHORIZATION master; CREATE ROLE shop_owner NOLOGIN; RESET SESSION AUTHORIZATION',
  );
  const first = settings(
    { auth: 'iam', user: 'trueup_migrator' },
    { database: 'shop', ownerRole: 'shop_owner', createDatabase: true, adminSecretArn: 'master' },
  );
  const sessions = await Promise.all([makeConnector(first)(), makeConnector(first)()]);
  for (const db of sessions) {
    expect(await db.query('SELECT current_user::text AS who, current_database()::text AS at')).toEqual([
      { who: 'trueup_migrator', at: 'shop' },
    ]);
  }
  const [db] = sessions;
  await db!.execute([
    { statements: ['CREATE SCHEMA trueup', 'SET LOCAL ROLE shop_owner', 'CREATE TABLE t ()', 'RESET ROLE'] },
  ]);
  await Promise.all(sessions.map((each) => each.close()));
  const { rows } = await admin.query(
    "SELECT pg_get_userbyid(datdba) AS owner FROM pg_database WHERE datname = 'shop'",
  );
  expect(rows).toEqual([{ owner: 'shop_owner' }]);
  // Another database for the same role, which is there by now.
  for (const ownerRole of ['shop_owner', null]) {
    const database = `second_${ownerRole}`;
    const login: LoginMethod = { auth: 'iam', user: 'trueup_migrator' };
    const change = { database, ownerRole, createDatabase: true, adminSecretArn: 'master' };
    const second = await makeConnector(settings(login, change))();
    await second.execute([{ statements: ['CREATE SCHEMA trueup'] }]);
    await second.close();
  }
  // From now on the admin's secret is not read.
  reads = 0;
  await (await makeConnector(first)()).close();
  expect(reads).toBe(0);
});

test('a role that exists is left as it is, and the refusal stays', async () => {
  await admin.query("CREATE ROLE stubborn LOGIN PASSWORD 'x'");
  const connect = makeConnector(settings({ auth: 'iam', user: 'stubborn' }, { adminSecretArn: 'admin' }));
  await expect(connect()).rejects.toMatchObject({ name: 'ConnectionLostError', reason: '28P01' });
  const { rows } = await admin.query("SELECT pg_has_role('stubborn', 'rds_iam', 'MEMBER') AS iam");
  expect(rows).toEqual([{ iam: false }]);
});

test('who may only ask gets sessions that cannot write, and makes neither database nor role', async () => {
  const asking = { queryOnly: true, adminSecretArn: 'admin', createDatabase: true };
  const db = await makeConnector(settings({ auth: 'secret', secretArn: 'admin' }, asking))();
  await expect(db.query('CREATE TABLE t ()')).rejects.toMatchObject({ sqlstate: '25006' });
  await db.close();
  const nowhere = { ...asking, database: 'nowhere' };
  await expect(
    makeConnector(settings({ auth: 'secret', secretArn: 'admin' }, nowhere))(),
  ).rejects.toMatchObject({
    reason: '3D000',
  });
  await expect(makeConnector(settings({ auth: 'iam', user: 'nobody_yet' }, asking))()).rejects.toThrow();
  const { rows } = await admin.query(
    "SELECT 1 FROM pg_database WHERE datname = 'nowhere' UNION SELECT 1 FROM pg_roles WHERE rolname = 'nobody_yet'",
  );
  expect(rows).toEqual([]);
});

test('a storm of questions leaves connections to a deployment', async () => {
  const login: LoginMethod = { auth: 'secret', secretArn: 'admin' };
  const ask = makeConnector(settings(login, { queryOnly: true }));
  const asked = await Promise.allSettled(Array.from({ length: 25 }, () => ask()));
  const answered = asked.filter((each) => each.status === 'fulfilled');
  const refused = asked.filter((each) => each.status === 'rejected');
  expect(answered.length).toBeLessThanOrEqual(10);
  expect(refused.map(({ reason }) => reason.info.code)).toEqual(refused.map(() => 'busy'));
  await (await makeConnector(settings(login))()).close();
  await Promise.all(answered.map(({ value }) => value.close()));
  await vi.waitFor(async () => (await ask()).close());
});

test('without TLS nothing is sent', async () => {
  const plain = await startPostgres();
  try {
    const { connection } = settings({ auth: 'secret', secretArn: 'admin' });
    const toPlain = { ...connection, port: plain.port } as MigrateSettings['connection'];
    const connect = makeConnector({
      ...settings({ auth: 'secret', secretArn: 'admin' }),
      connection: toPlain,
    });
    await expect(connect()).rejects.toThrow('The server does not support SSL connections');
  } finally {
    await plain.stop();
  }
});

test.each([
  ['shop.proxy-c1a2b3.eu-central-1.rds.amazonaws.com', true],
  ['ro.endpoint.proxy-c1a2b3.eu-central-1.rds.amazonaws.com', true],
  ['proxy-shop.c1a2b3.eu-central-1.rds.amazonaws.com', false],
  ['shop.cluster-c1a2b3.eu-central-1.rds.amazonaws.com', false],
])('%s is RDS Proxy: %s', (host, refused) => {
  if (refused) expect(() => rejectProxyHost(host)).toThrow('is that of an RDS Proxy');
  else expect(() => rejectProxyHost(host)).not.toThrow();
});

test("an endpoint of RDS is held to its region's roots and the runtime's, any other host to what Node trusts", () => {
  const folder = join(server.dataDirectory, '..');
  const write = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const files = {
    rootsFile: null,
    amazonRootsFile: write('amazon.json', JSON.stringify({ 'eu-west-1': ['ONE\n', 'TWO\n'] })),
    runtimeRootsFile: write('runtime.pem', 'RUNTIME\n'),
  };
  const of = (host: string, change = {}) => resolveTrustedRoots({ host, ...files, ...change });
  const host = 'shop.abc.eu-west-1.rds.amazonaws.com';
  expect(of(host)).toBe('ONE\nTWO\nRUNTIME\n');
  expect(of(host, { runtimeRootsFile: join(folder, 'gone.pem') })).toBe('ONE\nTWO\n');
  expect(of('shop.abc.us-gov-west-1.rds.amazonaws.com')).toBeUndefined();
  expect(of('db.internal')).toBeUndefined();
  expect(of(host, { amazonRootsFile: undefined })).toBeUndefined();
  expect(of(host, { rootsFile: write('own.pem', 'OWN') })).toBe('OWN');
});
