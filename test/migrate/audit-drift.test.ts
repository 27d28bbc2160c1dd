/** The drift check's audit: what is new is told once, what is gone is forgotten, what is suppressed is never told. */
import { afterAll, describe, expect, test } from 'vitest';
import type { AuditDrift, Suppression } from '../../lambda/contract/audit-findings';
import { RUNNER_LOCK_KEY } from '../../lambda/engine/locks/runner-lock';
import type { EngineContext } from '../../lambda/engine/run';
import { takeNewFindings } from '../../lambda/migrate/audit-drift';
import { checkDrift } from '../../lambda/migrate/drift';
import { computeChanges, type FindingGroup } from '../../lambda/migrate/known-findings';
import { buildDriftMetrics } from '../../lambda/migrate/metrics';
import { connectDataApi } from '../../lambda/postgres/data-api/database';
import { connectPg } from '../../lambda/postgres/pg';
import { startDataApi } from '../support/aws/data-api';
import { connect, createDatabase, majors, newestMajor } from '../support/database';
import { contextFor, up } from '../support/engine';
import { manifestOf, migration, promising } from '../support/manifest';

const CANARY = 'c4n4ry';
const first = migration('0001_shop', {
  up: [
    'CREATE TABLE customers (id int PRIMARY KEY, email text)',
    'CREATE TABLE orders (id serial PRIMARY KEY)',
  ],
});
const endpoints: { close(): Promise<unknown> }[] = [];
afterAll(() => Promise.all(endpoints.map((each) => each.close())));

type Connects = Required<Pick<EngineContext, 'connect' | 'connectForRecords'>>;
const overPg = (url: string): Connects => ({
  connect: () => connectPg({ url, readOnly: true }),
  connectForRecords: () => connectPg({ url }),
});
async function overDataApi(url: string): Promise<Connects> {
  const { hostname, port, username, password, pathname } = new URL(url);
  const endpoint = await startDataApi({ host: hostname, port: Number(port), secret: { username, password } });
  endpoints.push(endpoint);
  const to = { ...endpoint, database: pathname.slice(1) };
  return {
    connect: () => connectDataApi({ ...to, readOnly: true }),
    connectForRecords: () => connectDataApi(to),
  };
}

async function shop(major: number, transport: (url: string) => Connects | Promise<Connects> = overPg) {
  const manifest = manifestOf(first);
  const url = await createDatabase(major);
  await up(url, manifest);
  const client = await connect(url);
  const connects = await transport(url);
  let suppressions: readonly Suppression[] = [];
  const context = (): EngineContext => ({
    ...contextFor(url, { ...manifest, suppressions }, 60_000),
    ...connects,
  });
  return {
    url,
    client,
    suppress: (...lines: [id: string, object: string][]) => {
      suppressions = lines.map(([id, object], i) => ({ id, object, reason: 'meant', line: i + 1 }));
    },
    check: async (): Promise<AuditDrift> => (await checkDrift(context(), 'app')).audit!,
    report: () => checkDrift(context(), 'app'),
    /** What a page would say. */
    told: async () => {
      const found = await takeNewFindings({ ...context(), connect: connects.connectForRecords }, 'app');
      expect(JSON.stringify(found)).not.toContain(CANARY);
      return found.findings.map(({ id, object }) => `${id} ${object}`);
    },
  };
}

test('what was not looked at is kept, and never new; a change of both kinds at once', () => {
  const known = (key: string, count: number, paged = true) => ({
    ...{ number: count * 10, key, kind: key, object: 'public.t', confidence: 'A', count, paged },
  });
  const group = (key: string, count: number): FindingGroup => ({
    ...{ key, kind: key, object: 'public.t', confidence: 'A' },
    findings: Array.from({ length: count }, () => ({ confidence: 'A', message: 'm', evidence: [] })),
  });
  const before = [known('hidden', 1), known('gone', 2, false), known('more', 3), known('fewer', 4, false)];
  const changes = computeChanges(
    before,
    [group('more', 4), group('fewer', 1), group('new', 1)],
    ({ kind }) => kind === 'hidden',
  );
  expect(changes).toMatchObject({
    add: [{ key: 'more' }, { key: 'new' }],
    fewer: [{ number: 40, group: { key: 'fewer' } }],
    forget: [20, 30],
    unpaged: 3,
  });
  expect(computeChanges(before, [], () => true)).toEqual({ add: [], fewer: [], forget: [], unpaged: 2 });
});

const NOT_VALID = (name: string): string =>
  `ALTER TABLE customers ADD CONSTRAINT ${name} CHECK (id <> ${name.length}) NOT VALID`;
const BROKEN = (name: string): string =>
  `CREATE INDEX ${name} ON customers (email); UPDATE pg_index SET indisvalid = false WHERE indexrelid = '${name}'::regclass`;

describe.each(majors())('PostgreSQL %i', (major) => {
  // The Data API is that of Aurora, whatever the major: once is enough.
  describe.each(
    [{ transport: overPg }, { transport: overDataApi }].slice(0, major === newestMajor() ? 2 : 1),
  )('$transport.name', ({ transport }) => {
    test('told once; gone, and back: told again; suppressed: never', async () => {
      const { client, check, told, suppress } = await shop(major, transport);
      expect(await check()).toMatchObject({ found: 0, unpaged: 0, problem: null });
      expect(await told()).toEqual([]);

      await client.query(`INSERT INTO customers VALUES (1, '${CANARY}')`);
      await client.query(NOT_VALID('later'));
      await client.query(BROKEN('half'));
      expect(await check()).toMatchObject({ found: 2, unpaged: 2 });
      // Asked again before anybody was told: still new, and there once.
      expect(await check()).toMatchObject({ found: 2, unpaged: 2 });
      expect((await told()).sort()).toEqual([
        'invalid-index public.customers',
        'unvalidated-constraint public.customers',
      ]);
      expect(await told()).toEqual([]);
      expect(await check()).toMatchObject({ found: 2, unpaged: 0 });

      await client.query('DROP INDEX half');
      expect(await check()).toMatchObject({ found: 1, unpaged: 0 });
      await client.query(BROKEN('half'));
      expect(await check()).toMatchObject({ found: 2, unpaged: 1 });
      expect(await told()).toEqual(['invalid-index public.customers']);

      suppress(['invalid-index', 'public.customers'], ['unvalidated-constraint', 'public.gone']);
      const sorted = await check();
      expect(sorted).toMatchObject({
        found: 1,
        unpaged: 0,
        suppressed: 1,
        obsolete: [{ id: 'unvalidated-constraint', object: 'public.gone', line: 2 }],
      });
      await client.query(BROKEN('another'));
      expect(await check()).toMatchObject({ found: 1, unpaged: 0, suppressed: 2 });
      suppress();
      expect(await check()).toMatchObject({ found: 3, unpaged: 1 });
    });
  });

  test('one more of a kind on the same object is new; one fewer is not', async () => {
    const { client, check, told } = await shop(major);
    await client.query(BROKEN('one'));
    await check();
    await told();
    await client.query(BROKEN('two'));
    expect(await check()).toMatchObject({ found: 2, unpaged: 1 });
    expect(await told()).toEqual(['invalid-index public.customers', 'invalid-index public.customers']);
    await client.query('DROP INDEX one');
    expect(await check()).toMatchObject({ found: 1, unpaged: 0 });
    await client.query(BROKEN('three'));
    expect(await check()).toMatchObject({ found: 2, unpaged: 1 });
  });

  test('many old findings are one list, the surest first, with the number of all', async () => {
    const { client, check, told } = await shop(major);
    const many = Array.from(
      { length: 50 },
      (_, i) => `CREATE TABLE t${i} (n int); ALTER TABLE t${i} ADD CHECK (n > 0) NOT VALID`,
    );
    await client.query(many.join(';'));
    await client.query('CREATE TABLE "cus;tomer" (id bigint PRIMARY KEY, customer_id uuid)');
    const drift = await check();
    expect(drift.found).toBeGreaterThanOrEqual(50);
    expect(drift.unpaged).toBe(drift.found);
    expect(drift.named).toHaveLength(20);
    expect(await told()).toHaveLength(drift.found);
    expect(await check()).toMatchObject({ unpaged: 0 });
  });

  test('what could not be looked at is not gone, and not healthy', async () => {
    const { client, check, told, url, report } = await shop(major);
    await client.query('INSERT INTO orders VALUES (1), (2)');
    await client.query(BROKEN('half'));
    expect(await check()).toMatchObject({ found: 2 });
    expect((await told()).sort()).toEqual([
      'invalid-index public.customers',
      'sequence-behind public.orders.id',
    ]);
    const other = await connect(url);
    await other.query('BEGIN; LOCK customers IN SHARE UPDATE EXCLUSIVE MODE');
    const during = await check();
    expect(during).toMatchObject({ found: 1, unpaged: 0 });
    expect(during.notChecked).toContainEqual({
      what: 'whether an INVALID index is being built',
      of: { schema: 'public', name: 'customers' },
      why: 'another session holds the lock that a build takes on its table',
    });
    await other.query('LOCK orders IN ACCESS EXCLUSIVE MODE');
    const locked = await report();
    expect(locked.audit).toMatchObject({
      found: 0,
      unpaged: 0,
      problem: expect.stringMatching(/^the schema could not be read: another session holds a lock/),
    });
    expect(buildDriftMetrics('f', locked, 1)).not.toHaveProperty('AuditFindings');
    await other.query('ROLLBACK');
    expect(await check()).toMatchObject({ found: 2, unpaged: 0 });

    // Between two migrations nothing is what it is going to be.
    await client.query(NOT_VALID('later'));
    await other.query(`SELECT pg_advisory_lock_shared(${RUNNER_LOCK_KEY})`);
    const deploying = await report();
    expect(deploying.audit).toMatchObject({
      found: 0,
      problem: expect.stringMatching(/^A deployment is running/),
    });
    expect(buildDriftMetrics('f', deploying, 1)).not.toHaveProperty('NewFindings');
    await other.query(`SELECT pg_advisory_unlock_shared(${RUNNER_LOCK_KEY})`);
    expect(await check()).toMatchObject({ found: 3, unpaged: 1, problem: null });
  });

  test('a ledger of an older version remembers nothing: said, and all of them count', async () => {
    const { client, report, told } = await shop(major);
    await client.query('DROP TABLE trueup.findings');
    await client.query(NOT_VALID('later'));
    const old = await report();
    expect(old.audit).toMatchObject({
      found: 1,
      unpaged: null,
      problem: expect.stringMatching(/forceRunToken/),
    });
    expect(buildDriftMetrics('f', old, 1)).toMatchObject({ NewFindings: 1, AuditFindings: 1, Drift: 0 });
    await expect(told()).rejects.toThrow(/cannot store findings/);
  });

  test('a promised statement that fails as it did is the audit’s; what got worse since is paged as a statement', async () => {
    const manifest = promising(
      manifestOf(first),
      { text: 'INSERT INTO customers (id) VALUES ($1) ON CONFLICT (email) DO NOTHING', calls: 7 },
      { text: 'SELECT email FROM customers', calls: 3 },
    );
    // It fails from the beginning, as after a deployment that broke it with consent.
    const url = await createDatabase(major);
    const client = await connect(url);
    const whole = migration('0001_shop', {
      up: [...first.statements.map(({ sql }) => sql), 'CREATE UNIQUE INDEX mail ON customers (email)'],
    });
    const promised = { ...manifest, ...manifestOf(whole) };
    await up(url, promised);
    const context = { ...contextFor(url, promised, 60_000), ...overPg(url) };
    await client.query('DROP INDEX mail');
    const drifted = await checkDrift(context, 'app');
    expect(drifted).toMatchObject({ workload: { broken: 1, failing: 0 }, audit: { found: 0 } });
    await client.query(
      `UPDATE trueup.workload_plans SET verdict = verdict || '{"outcome":"fails","state":"42P10"}' WHERE verdict -> 'arbiters' <> '[]'`,
    );
    const { workload, audit } = await checkDrift(context, 'app');
    expect(workload).toMatchObject({ broken: 0, failing: 1 });
    expect(audit).toMatchObject({
      found: 1,
      unpaged: 1,
      named: [
        {
          id: 'missing-conflict-target',
          confidence: 'A',
          object: 'public.customers',
          evidence: [expect.stringMatching(/^42P10, .*, 7 calls: INSERT INTO customers/)],
        },
      ],
    });
    expect((await takeNewFindings({ ...context, connect: context.connectForRecords }, 'app')).count).toBe(1);
    expect((await checkDrift(context, 'app')).audit).toMatchObject({ found: 1, unpaged: 0 });
  });
});
