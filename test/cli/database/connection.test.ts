import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { ConnectionLostError } from '../../../lambda/postgres/database';
import { type ConnectionOptions, resolveConnectionTarget } from '../../../lib/cli/database/connection';
import { toConnectionError } from '../../../lib/cli/database/connection-error';
import { suppressExpectedWarnings } from '../../../lib/cli/terminal/warnings';
import { createDatabase } from '../../support/database';
import { trueup } from '../trueup';

const folder = mkdtempSync(join(tmpdir(), 'trueup-test-'));
afterAll(() => rmSync(folder, { recursive: true }));

const PEM = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';
const rootFile = join(folder, 'root.pem');
writeFileSync(rootFile, PEM);

describe('where to connect', () => {
  test('a URL, with everything percent-encoded in it', () => {
    const { pg, label } = resolveConnectionTarget(
      { databaseUrl: 'postgresql://jo%40corp:p%2Fw%23%25@[::1]:6543/my%20db' },
      {},
    );
    expect(pg).toEqual({
      host: '::1',
      port: 6543,
      user: 'jo@corp',
      password: 'p/w#%',
      database: 'my db',
      ssl: false,
    });
    expect(label).toBe('jo@corp@::1:6543/my db');
  });

  test('an option wins over DATABASE_URL, a URL over PG variables, and those fill what it leaves out', () => {
    const env = {
      DATABASE_URL: 'postgres://two@two.example/two',
      PGHOST: 'three',
      PGUSER: 'me',
      PGPASSWORD: 's3cret',
      PGDATABASE: 'app',
      PGPORT: '7777',
      PGSSLMODE: 'disable',
    };
    expect(resolveConnectionTarget({ databaseUrl: 'postgres://one@one.example/one' }, env).label).toBe(
      'one@one.example:7777/one',
    );
    expect(resolveConnectionTarget({}, env).label).toBe('two@two.example:7777/two');
    const { pg } = resolveConnectionTarget({}, { ...env, DATABASE_URL: undefined });
    expect(pg).toMatchObject({ host: 'three', user: 'me', password: 's3cret', database: 'app', ssl: false });
  });

  test('a socket folder, and a user whose database has the same name', () => {
    const { pg } = resolveConnectionTarget({ databaseUrl: 'postgres://app@/?host=/var/run/postgresql' }, {});
    expect(pg).toEqual({ host: '/var/run/postgresql', port: 5432, user: 'app', database: 'app', ssl: false });
  });

  test.each<[ConnectionOptions, NodeJS.ProcessEnv, RegExp]>([
    [{}, {}, /no database was given/],
    [{ databaseUrl: 'mysql://root:hunter2@db/app' }, {}, /does not begin with postgres/],
    [{ databaseUrl: 'postgres://u:hunter2#@db:port/app' }, {}, /cannot be read/],
    [{ databaseUrl: 'postgres://u:%zz@db/app' }, {}, /cannot be read/],
    [{}, { PGHOST: 'db', PGPORT: 'hunter2' }, /is not a port/],
  ])('what cannot work is said in words, without the password: %j', (options, env, words) => {
    expect(() => resolveConnectionTarget(options, env)).toThrow(words);
    if (options.databaseUrl) expect(() => resolveConnectionTarget(options, env)).not.toThrow(/hunter2/);
  });
});

describe('TLS', () => {
  const tls = (host: string, options = {}, env = {}) =>
    resolveConnectionTarget({ databaseUrl: `postgres://u@${host}/d`, ...options }, env).pg.ssl;

  test('verified for every other machine, off on this one unless it is asked for', () => {
    expect(tls('db.example.com')).toEqual({});
    for (const host of ['localhost', '127.0.0.1', '[::1]']) expect(tls(host)).toBe(false);
    expect(tls('localhost', { sslMode: 'verify-full' })).toEqual({});
    expect(tls('localhost', { sslRootCert: rootFile })).toEqual({ ca: PEM });
    expect(tls('db.example.com', { sslMode: 'disable' })).toBe(false);
  });

  test("libpq's weaker modes are read as the verified one", () => {
    for (const mode of ['require', 'verify-ca', 'verify-full', 'prefer', 'allow']) {
      expect(tls('db.example.com', {}, { PGSSLMODE: mode })).toEqual({});
    }
    expect(tls('localhost', {}, { PGSSLMODE: 'require' })).toEqual({});
    expect(resolveConnectionTarget({ databaseUrl: 'postgres://u@db/d?sslmode=disable' }, {}).pg.ssl).toBe(
      false,
    );
  });

  test.each(['no-verify', 'on', 'true'])('there is no mode %s', (sslMode) => {
    expect(() => tls('db.example.com', { sslMode })).toThrow(/is not an SSL mode/);
  });

  test("Amazon's roots: those of the region that an endpoint names, all of them by name", () => {
    const count = (ssl: unknown) => (ssl as { ca: string }).ca.match(/BEGIN CERTIFICATE/g)!.length;
    // Regions that came after the older copies of the bundle, too.
    for (const region of [
      'eu-west-1',
      'il-central-1',
      'ca-west-1',
      'ap-southeast-7',
      'mx-central-1',
      'ap-east-2',
    ]) {
      expect(count(tls(`x.abc.${region}.rds.amazonaws.com`))).toBe(3);
    }
    expect(count(tls('db.example.com', { sslRootCert: 'rds' }))).toBe(102);
    expect(count(tls('db.example.com', {}, { PGSSLROOTCERT: 'rds' }))).toBe(102);
    expect(tls('x.a.eu-west-1.rds.amazonaws.com', { sslRootCert: 'system' })).toEqual({});
    expect(tls('x.a.eu-west-1.rds.amazonaws.com', { sslRootCert: rootFile })).toEqual({ ca: PEM });
  });

  test.each([
    [
      'x.abc.us-gov-west-1.rds.amazonaws.com',
      /truststore\.pki\.us-gov-west-1\.rds\.amazonaws\.com\/us-gov-west-1\//,
    ],
    [
      'x.abc.rds.cn-north-1.amazonaws.com.cn',
      /rds-truststore\.s3\.cn-north-1\.amazonaws\.com\.cn\/cn-north-1\//,
    ],
    ['x.abc.xx-new-9.rds.amazonaws.com', /truststore\.pki\.rds\.amazonaws\.com\/xx-new-9\//],
  ])('where there is no copy of them, it is said where they are: %s', (host, url) => {
    expect(tls(host)).toEqual({});
    const asked = () => tls(host, { sslRootCert: 'rds' });
    expect(asked).toThrow(/no copy of Amazon's root certificates/);
    const target = resolveConnectionTarget({ databaseUrl: `postgres://u@${host}/d` }, {});
    const failed = new ConnectionLostError(
      'unable to get local issuer certificate',
      'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
    );
    expect(toConnectionError(failed, target).info.remedy).toMatch(url);
  });

  test('a root file that is not there, or holds no certificate', () => {
    expect(() => tls('db', { sslRootCert: join(folder, 'gone.pem') })).toThrow(/cannot be read \(ENOENT\)/);
    writeFileSync(join(folder, 'empty.pem'), 'nothing');
    expect(() => tls('db', { sslRootCert: join(folder, 'empty.pem') })).toThrow(/contains no certificate/);
  });
});

test.each([
  ['timeout expired', undefined, /does not respond/, /--stack/],
  ['The server does not support SSL connections', undefined, /does not offer TLS/, /--ssl-mode disable/],
  [
    'self-signed certificate in certificate chain',
    'SELF_SIGNED_CERT_IN_CHAIN',
    /not signed by a trusted CA/,
    /--ssl-root-cert/,
  ],
  ['SASL: client password must be a string', undefined, /asks for a password/, /PGPASSWORD/],
  ['connect ECONNREFUSED 127.0.0.1:1', 'ECONNREFUSED', /nothing listens/, /Check host and port/],
  ['database "x" does not exist', '3D000', /database "x" does not exist/, /Create the database/],
])('why a connection fails: %s', (message, reason, words, remedy) => {
  const target = resolveConnectionTarget({ databaseUrl: 'postgres://u:hunter2@db:1/d' }, {});
  const { info } = toConnectionError(new ConnectionLostError(message, reason), target);
  expect(info.message).toMatch(/^cannot connect to u@db:1\/d: /);
  expect(info.message).toMatch(words);
  expect(info.remedy).toMatch(remedy);
  expect(JSON.stringify(info)).not.toContain('hunter2');
});

describe('warnings', () => {
  test('those of packages are left out, every other is shown', () => {
    const shown: unknown[][] = [];
    const target = { emitWarning: (...warning: unknown[]) => void shown.push(warning) };
    suppressExpectedWarnings(target as typeof process);
    target.emitWarning('pgpass support is deprecated and will be removed in pg@9.0.', 'DeprecationWarning');
    target.emitWarning(new Error('NodeVersionSupportWarning: The AWS SDK for JavaScript (v3)\nwill …'));
    target.emitWarning('url.parse() is deprecated', 'DeprecationWarning', 'DEP0169');
    expect(shown).toEqual([['url.parse() is deprecated', 'DeprecationWarning', 'DEP0169']]);
  });

  test('a password in ~/.pgpass is used without a word', async () => {
    const { username, password, hostname, port, pathname } = new URL(await createDatabase());
    const file = join(folder, 'pgpass');
    writeFileSync(file, `*:*:*:*:${decodeURIComponent(password)}\n`, { mode: 0o600 });
    const env = { PGPASSFILE: file, DATABASE_URL: `postgres://${username}@${hostname}:${port}${pathname}` };
    const { code, stderr } = await trueup(['status', 'migrations/courses'], { env });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  test('through a stack nothing is said of a version of Node.js either, and the error has words', async () => {
    const nowhere = join(folder, 'nowhere');
    const env = {
      AWS_REGION: undefined,
      AWS_DEFAULT_REGION: undefined,
      AWS_CONFIG_FILE: nowhere,
      AWS_SHARED_CREDENTIALS_FILE: nowhere,
      AWS_EC2_METADATA_DISABLED: 'true',
    };
    const { code, stderr } = await trueup(['status', '--stack', 'Foo'], { env });
    expect(stderr).toMatch(/^error: the stack Foo cannot be read \(Region is missing\)\n {2}Check [^\n]*\n$/);
    expect(code).toBe(2);
  });
});
