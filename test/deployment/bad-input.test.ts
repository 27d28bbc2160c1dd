/** What a person gets wrong: each is one clear sentence in the stack's events, and the stack comes to rest. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { compileFolder } from '../../lib/compiler';
import { makeCertificates } from '../e2e/support/certificates';
import { ServiceError } from '../support/aws/conductor/endpoint';
import { type Files, Rig, Scenario, SECRET, type VersionOptions } from '../support/conductor';
import { DEFAULT, INDEXED, TABLE } from './files';

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.start();
});
afterEach(() => {
  rig.conductor.refuse = () => undefined;
});
afterAll(() => rig?.close());

/** The reason of the failed creation, without what CloudFormation and the framework put around it. */
async function refusal(s: Scenario, options: VersionOptions): Promise<string> {
  expect(await s.stack.create(await s.version(TABLE, options))).toBe('ROLLBACK_COMPLETE');
  for (const { bytes } of s.answers) expect(bytes).toBeLessThan(4096);
  const { reason } = s.stack.events.find(({ status }) => status === 'CREATE_FAILED')!;
  return reason.replace(/^.*Message returned: /s, '').replace(/\n\nLogs: .*$/s, '');
}

const at = (s: Scenario, change: Partial<NonNullable<VersionOptions['database']>>): VersionOptions => ({
  settings: { rollbackWaitMs: 1_500, sliceMs: 1_500 },
  database: {
    host: '127.0.0.1',
    port: rig.server.port,
    name: s.database,
    secretArn: SECRET,
    roots: rig.certificates.ca,
    ...change,
  },
});

test('an unreachable database', async () => {
  const s = await rig.scenario();
  expect(await refusal(s, at(s, { port: 1 }))).toBe(
    'Nothing listens at that address (connect ECONNREFUSED 127.0.0.1:1). Check host and port, and that the server is running.',
  );
});

test('a wrong secret', async () => {
  const s = await rig.scenario();
  rig.conductor.secrets['arn:wrong'] = JSON.stringify({ username: 'postgres', password: 'geheim' });
  const reason = await refusal(s, at(s, { secretArn: 'arn:wrong' }));
  expect(reason).toBe(
    'The database refused the password [SQLSTATE 28P01]. Check the user and password (or the secret that holds them), and that the role has LOGIN.',
  );
});

test('a secret that is not there, not allowed, or of another form', async () => {
  const s = await rig.scenario();
  expect(await refusal(s, at(s, { secretArn: 'arn:none' }))).toBe(
    "The secret with the database's password could not be read (ResourceNotFoundException). Check that the secret exists in this region and has a current version.",
  );
  rig.conductor.secrets['arn:text'] = 'hunter2';
  expect(await refusal(await rig.scenario(), at(s, { secretArn: 'arn:text' }))).toBe(
    'The secret is not JSON with the keys `username` and `password`. Give the secret that RDS manages, or one of the same form.',
  );
  rig.conductor.refuse = (action) =>
    action === 'GetSecretValue' ? new ServiceError(400, 'DecryptionFailure', 'no') : undefined;
  expect(await refusal(await rig.scenario(), at(s, {}))).toContain('kms:Decrypt on its key');
});

test('an authority that is not the one that signed the certificate', async () => {
  const s = await rig.scenario();
  const strangers = (await makeCertificates()).ca;
  expect(await refusal(s, at(s, { roots: strangers }))).toMatch(
    /^The TLS connection could not be verified \(.*certificate.*\)\. Give the certificate authority's file/,
  );
});

test('a certificate that has expired', async () => {
  const late = await Rig.start({ expired: true });
  try {
    const admin = await late.connect('postgres');
    const s = new Scenario(late, late.conductor.stack('shop'), 'postgres', admin);
    expect(await refusal(s, {})).toMatch(
      /^The TLS connection could not be verified \(certificate has expired\)\./,
    );
  } finally {
    await late.close();
  }
});

test('a database that does not exist; made where the settings say so', async () => {
  const s = await rig.scenario();
  expect(await refusal(s, at(s, { name: 'nowhere' }))).toBe(
    'Database "nowhere" does not exist [SQLSTATE 3D000]. Create the database, or correct its name.',
  );
  const made = await rig.scenario();
  const name = `made_${Date.now()}`;
  // A busy server takes longer than the other slices here to copy a database.
  const options = { ...at(made, { name }), settings: { sliceMs: 20_000 } };
  const variables = { createDatabase: 'true', adminSecretArn: SECRET };
  const created = await made.stack.create(await made.version(TABLE, { ...options, variables }));
  expect(created, JSON.stringify(made.stack.events)).toBe('CREATE_COMPLETE');
  expect((await (await rig.connect(name)).query('SELECT * FROM orders')).rows).toEqual([]);
});

test('a role without the rights', async () => {
  const s = await rig.scenario();
  await s.client.query("CREATE ROLE weak LOGIN PASSWORD 'weak'");
  rig.conductor.secrets['arn:weak'] = JSON.stringify({ username: 'weak', password: 'weak' });
  expect(await refusal(s, at(s, { secretArn: 'arn:weak' }))).toMatch(
    /permission denied for database .*\[SQLSTATE 42501\].*GRANT CREATE ON DATABASE/,
  );
});

test('an owner role that is not there, or that the login role cannot act as', async () => {
  const s = await rig.scenario();
  const properties = { OwnerRole: 'shop_owner' };
  expect(await refusal(s, { ...at(s, {}), properties })).toBe(
    'Role shop_owner does not exist. Create the role, or change the owner setting.',
  );
});

test('a proxy in front', async () => {
  const s = await rig.scenario();
  const host = 'shop.proxy-abcdefgh1234.us-east-1.rds.amazonaws.com';
  expect(await refusal(s, at(s, { host }))).toBe(
    `The address ${host} is that of an RDS Proxy, which shares sessions and hides the session that holds a lock. Give the endpoint of the database itself: the cluster's writer, or the instance.`,
  );
});

test('a second stack on a namespace; it may adopt it', async () => {
  const s = await rig.scenario();
  expect(await s.stack.create(await s.version(TABLE))).toBe('CREATE_COMPLETE');
  const second = await rig.scenario(undefined, s.database);
  expect(await refusal(second, {})).toBe(
    `Namespace app belongs to 111122223333/us-east-1/${s.stack.name}. Choose another namespace, or let this stack take it over (adopt: true).`,
  );
  const third = await rig.scenario(undefined, s.database);
  const adopting = await third.version(TABLE, { properties: { Adopt: 'true' } });
  expect(await third.stack.create(adopting)).toBe('CREATE_COMPLETE');
});

test('an applied file that was edited', async () => {
  const s = await rig.scenario();
  await s.stack.create(await s.version(TABLE));
  const edited = { '0001_orders': TABLE['0001_orders']!.replace('customer text NOT NULL', 'customer text') };
  expect(await s.stack.update(await s.version(edited))).toBe('UPDATE_ROLLBACK_COMPLETE');
  expect(s.stack.events.find(({ status }) => status === 'UPDATE_FAILED')!.reason).toContain(
    '0001_orders: 0001_orders.sql was edited after it was applied',
  );
});

test('an applied file that was edited without consequence: accepted through the stack, and proved by the next deployment', async () => {
  const s = await rig.scenario();
  const deployed = await s.version(DEFAULT);
  await s.stack.create(deployed);
  const before = await s.catalog();
  const name = '0001_orders';
  const edit = (change: string, verify = ''): Files => ({
    ...DEFAULT,
    [name]: `${TABLE[name]!.replace('text NOT NULL', change)}${verify}`,
  });
  const baseline = async (upTo = name) => {
    const id = `cli-${Math.random()}`;
    const payload = JSON.stringify({ action: 'baseline', upTo, id });
    const answer = await rig.conductor.functions.invoke(`${s.stack.name}-migrate`, payload);
    return JSON.parse(answer!.payload).outcome;
  };
  const refused = async (files: Files): Promise<string> => {
    expect(await s.stack.update(await s.version(files))).toBe('UPDATE_ROLLBACK_COMPLETE');
    return s.stack.events.findLast(({ status }) => status === 'UPDATE_FAILED')!.reason;
  };
  expect(await baseline()).toMatchObject({ status: 'done', report: { baselined: [] } });
  expect((await baseline()).report.approvedEdits).toBeUndefined();

  const same = edit('text NOT NULL /* the customer */ CHECK (true)');
  expect(await refused(same)).toContain(
    `run \`trueup baseline ${name} --stack ${s.stack.name}\` and deploy again`,
  );
  expect((await baseline('0002_customer_default')).report.approvedEdits).toBeUndefined();
  expect(await refused(same)).toContain('was edited');
  expect(await baseline()).toMatchObject({ status: 'done', report: { approvedEdits: [name] } });
  // Accepted is that text, and no other; and only where it verifies.
  const other = edit('text', "SELECT 'customer may be null';\n");
  expect(await refused(other)).toContain('was edited');
  expect(await baseline()).toMatchObject({ report: { approvedEdits: [name] } });
  expect(await refused(other)).toContain('customer may be null');
  expect(await s.stack.update(await s.version(same))).toBe('UPDATE_COMPLETE');
  expect(await s.catalog()).toEqual(before);
  expect(await s.stack.update(await s.version({ ...same, ...INDEXED, [name]: same[name]! }))).toBe(
    'UPDATE_COMPLETE',
  );
});

test('a renamed folder: refused, rolled back, and deployed under its old namespace', async () => {
  const s = await rig.scenario();
  await s.stack.create(await s.version(DEFAULT, { namespace: 'shop' }));
  const renamed = await s.version(INDEXED, { namespace: 'store' });
  expect(await s.stack.update(renamed)).toBe('UPDATE_ROLLBACK_COMPLETE');
  const { reason } = s.stack.events.find(({ status }) => status === 'UPDATE_FAILED')!;
  expect(reason).toContain(
    "2 of its migrations are applied here under namespace shop; they would count as new. Nothing was run. Set `ledgerName: 'shop'`",
  );
  expect(await s.applied()).toEqual(Object.keys(DEFAULT));
  expect(await s.stack.update(await s.version(INDEXED, { namespace: 'shop' }))).toBe('UPDATE_COMPLETE');
  expect(await s.applied()).toEqual(Object.keys(INDEXED));
});

test('a folder that lost a file: it stays applied, and the outputs say so', async () => {
  const s = await rig.scenario();
  await s.stack.create(await s.version(INDEXED));
  expect(await s.stack.update(await s.version(DEFAULT))).toBe('UPDATE_COMPLETE');
  expect(s.stack.attributes.Warnings).toBe(
    '0003_customer_index is applied, but its file is missing; it stays applied',
  );
});

test('an empty folder', async () => {
  const empty = mkdtempSync(join(tmpdir(), 'trueup-empty-'));
  await expect(compileFolder(empty)).rejects.toThrow();
  rmSync(empty, { recursive: true });
  // Past synth, as a manifest: nothing is undone, and what is applied is named.
  const s = await rig.scenario();
  await s.stack.create(await s.version(TABLE));
  expect(await s.stack.update(await s.version({}))).toBe('UPDATE_COMPLETE');
  expect(s.stack.attributes.Warnings).toBe(
    '0001_orders is applied, but its file is missing; it stays applied',
  );
});

test('settings that are missing', async () => {
  const s = await rig.scenario();
  expect(await refusal(s, { variables: { host: undefined } })).toContain(
    'The environment variable TRUEUP_HOST is not set. Deploy the function again with the construct that sets it.',
  );
});

test('rows and signed addresses are in no answer and in no log', async () => {
  const s = await rig.scenario();
  await s.stack.create(await s.version(TABLE));
  await s.client.query("INSERT INTO orders VALUES (1, 'CANARY-a'), (2, 'CANARY-b'), (3, 'CANARY-a')");
  const breaking = [
    'ALTER TABLE orders ALTER customer TYPE int USING customer::int;',
    'CREATE UNIQUE INDEX orders_customer ON orders (customer);',
    "ALTER TABLE orders ADD CHECK (customer <> 'CANARY-b');",
  ];
  for (const [index, sql] of breaking.entries()) {
    const files = {
      ...TABLE,
      [`000${index + 2}_breaks`]: `-- migrate:consent rewrites small\n-- migrate:consent destroys small\n-- migrate:up\n${sql}\n-- migrate:verify\nSELECT 'x' WHERE false;\n`,
    };
    expect(await s.stack.update(await s.version(files))).toBe('UPDATE_ROLLBACK_COMPLETE');
  }
  const told = JSON.stringify([s.stack.events, s.stack.attributes, s.answers]);
  expect(told).toContain('22P02');
  const logs = ['on-event', 'is-complete', 'migrate'].map(
    (role) => rig.conductor.functions.logs.get(`${s.stack.name}-${role}`)!,
  );
  expect(logs[2]).toContain('23505');
  for (const text of [told, ...logs]) {
    // The file's own text may be shown; rows may not.
    expect(text).not.toContain('CANARY-a');
    expect(text).not.toContain('signed=');
    expect(text).not.toContain(rig.server.password);
  }
});
