/** Logging in as the settings say, on a server with TLS: rotation, the first run's database and role. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { connector, refuseProxy } from '../../lambda/migrate/connect';
import type { Login, MigrateSettings } from '../../lambda/migrate/settings';
import { listen, type Services } from '../../lib/local/conductor/endpoint';
import { type PostgresServer, startPostgres } from '../../lib/local/postgres-server';
import { makeCertificates } from '../e2e/support/certificates';
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
  login: Login,
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
  const connect = connector(settings({ auth: 'secret', secretArn: 'rotating' }));
  reads = 0;
  await (await connect()).close();
  await (await connect()).close();
  expect(reads).toBe(1);
  await admin.query("ALTER ROLE rotating PASSWORD 'two'");
  secrets.rotating = JSON.stringify({ username: 'rotating', password: 'two' });
  await (await connect()).close();
  expect(reads).toBe(2);
  await admin.query("ALTER ROLE rotating PASSWORD 'three'");
  await expect(connect()).rejects.toMatchObject({ name: 'ConnectionLost', reason: '28P01' });
  expect(reads).toBe(3);
});

test('readers cannot write', async () => {
  const db = await connector(settings({ auth: 'secret', secretArn: 'admin' }))({ readOnly: true });
  await expect(db.query('CREATE TABLE t ()')).rejects.toMatchObject({ sqlstate: '25006' });
  await db.close();
});

test('the first run makes database and role; both by two at once', async () => {
  // In the place of RDS: whoever is in rds_iam needs a token, which this server cannot check.
  const hba = join(server.dataDirectory, 'pg_hba.conf');
  writeFileSync(hba, `hostssl all +rds_iam 127.0.0.1/32 trust\n${readFileSync(hba, 'utf8')}`);
  await admin.query('CREATE ROLE rds_iam NOLOGIN; CREATE ROLE shop_owner NOLOGIN; SELECT pg_reload_conf()');
  const first = settings(
    { auth: 'iam', user: 'trueup_migrator' },
    { database: 'shop', ownerRole: 'shop_owner', createDatabase: true, adminSecretArn: 'admin' },
  );
  const sessions = await Promise.all([connector(first)(), connector(first)()]);
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
  // From now on the admin's secret is not read.
  reads = 0;
  await (await connector(first)()).close();
  expect(reads).toBe(0);
});

test('a role that exists is left as it is, and the refusal stays', async () => {
  await admin.query("CREATE ROLE stubborn LOGIN PASSWORD 'x'");
  const connect = connector(settings({ auth: 'iam', user: 'stubborn' }, { adminSecretArn: 'admin' }));
  await expect(connect()).rejects.toMatchObject({ name: 'ConnectionLost', reason: '28P01' });
  const { rows } = await admin.query("SELECT pg_has_role('stubborn', 'rds_iam', 'MEMBER') AS iam");
  expect(rows).toEqual([{ iam: false }]);
});

test('without TLS nothing is sent', async () => {
  const plain = await startPostgres();
  try {
    const { connection } = settings({ auth: 'secret', secretArn: 'admin' });
    const toPlain = { ...connection, port: plain.port } as MigrateSettings['connection'];
    const connect = connector({ ...settings({ auth: 'secret', secretArn: 'admin' }), connection: toPlain });
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
  if (refused) expect(() => refuseProxy(host)).toThrow("is RDS Proxy's");
  else expect(() => refuseProxy(host)).not.toThrow();
});
