/** Deployments in which something dies, hangs, comes twice, comes late, or is cancelled. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { Rig, type Scenario } from '../support/conductor';
import { BROKEN, DEFAULT, INDEXED, TABLE } from './files';

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.start();
});
afterEach(() => {
  rig.conductor.functions.fault = () => undefined;
});
afterAll(() => rig?.close());

/** Holds up CREATE INDEX CONCURRENTLY, which waits for every transaction that was there before it. */
async function block(s: Scenario): Promise<() => Promise<void>> {
  const client = await rig.connect(s.database);
  await client.query("BEGIN; INSERT INTO orders VALUES (1, 'a')");
  return async () => {
    await client.query('COMMIT');
  };
}

const until = async (what: () => unknown): Promise<void> => {
  for (const end = Date.now() + 120_000; !(await what()); await sleep(20)) {
    if (Date.now() > end) throw new Error(`it never came: ${what}`);
  }
};

const isBuilding = (s: Scenario) => async (): Promise<boolean> => {
  const { rows } = await s.client.query(
    "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND query ~ '^CREATE INDEX CONC' AND state = 'active'",
  );
  return rows.length > 0;
};

test('migrate is killed: it is invoked again, and nothing is applied twice', async () => {
  const s = await rig.scenario();
  await s.stack.create(await s.version(DEFAULT));
  const release = await block(s);
  let invocations = 0;
  rig.conductor.functions.fault = (name) =>
    name.endsWith('-migrate') && ++invocations === 1 ? { kind: 'kill', afterMs: 1_500 } : undefined;
  const updating = s.stack.update(await s.version(INDEXED));
  await until(() => invocations === 2);
  await release();
  expect(await updating).toBe('UPDATE_COMPLETE');
  expect(await s.applied()).toEqual(['0001_orders', '0002_customer_default', '0003_customer_index']);
  const slices = s.log('is-complete').filter(({ event }) => event === 'slice-ended');
  expect(slices.map(({ migrate }) => migrate)).toContain('died');
});

test('migrate dies again and again: the deployment fails with one sentence, and the rollback succeeds', async () => {
  const s = await rig.scenario();
  await s.stack.create(await s.version(TABLE));
  const invoked: number[] = [];
  rig.conductor.functions.fault = (name) => {
    if (!name.endsWith('-migrate')) return undefined;
    invoked.push(Date.now());
    return { kind: 'kill', afterMs: 0 };
  };
  expect(await s.stack.update(await s.version(DEFAULT))).toBe('UPDATE_ROLLBACK_COMPLETE');
  expect(invoked).toHaveLength(6);
  const reason = s.stack.events.find(({ status }) => status === 'UPDATE_FAILED')!.reason;
  expect(reason).toContain(
    'The migrate function gave no answer 3 times in a row: Runtime.ExitError: Runtime exited with error: signal: SIGKILL.',
  );
  expect(s.stack.attributes).toMatchObject({ Position: 'unknown', Kept: 'unknown' });
  expect(s.stack.attributes.Warnings).toContain('gave no answer 3 times in a row');
});

test('migrate is silent: it is invoked again', async () => {
  const s = await rig.scenario();
  let invocations = 0;
  rig.conductor.functions.fault = (name) =>
    name.endsWith('-migrate') && ++invocations === 1 ? { kind: 'silence' } : undefined;
  expect(await s.stack.create(await s.version(DEFAULT, { settings: { answerTimeoutMs: 10_000 } }))).toBe(
    'CREATE_COMPLETE',
  );
  expect(invocations).toBe(2);
  expect(await s.applied()).toEqual(['0001_orders', '0002_customer_default']);
});

test('deploy itself dies: the framework fails at once, and the rollback undoes', async () => {
  const s = await rig.scenario();
  await s.stack.create(await s.version(DEFAULT));
  const before = await s.catalog();
  let polls = 0;
  rig.conductor.functions.fault = (name) =>
    name.endsWith(`${s.stack.name}-is-complete`) && ++polls === 1
      ? { kind: 'kill', afterMs: 600 }
      : undefined;
  const release = await block(s);
  const updating = s.stack.update(await s.version(INDEXED));
  await until(isBuilding(s));
  await until(() => s.story.includes('Schema UPDATE_FAILED'));
  await release();
  expect(await updating).toBe('UPDATE_ROLLBACK_COMPLETE');
  expect(s.answers.at(-1)).toMatchObject({ status: 'SUCCESS' });
  expect(await s.catalog()).toEqual(before);
});

test('an index takes longer than several invocations, one of them killed', async () => {
  const s = await rig.scenario();
  await s.stack.create(await s.version(DEFAULT));
  const release = await block(s);
  let invocations = 0;
  rig.conductor.functions.fault = (name) =>
    name.endsWith('-migrate') && ++invocations === 2 ? { kind: 'kill', afterMs: 700 } : undefined;
  const updating = s.stack.update(
    await s.version(INDEXED, { settings: { sliceMs: 1_500 }, migrateTimeoutMs: 6_000 }),
  );
  await until(() => invocations >= 5);
  await release();
  expect(await updating).toBe('UPDATE_COMPLETE');
  const { rows } = await s.client.query(
    "SELECT count(*)::int AS n, bool_and(indisvalid) AS valid FROM pg_index WHERE indexrelid = 'orders_customer'::regclass",
  );
  expect(rows).toEqual([{ n: 1, valid: true }]);
  const slices = s.log('is-complete').filter(({ event }) => event === 'slice-ended');
  expect(slices.map(({ progress }) => String(progress))).toContainEqual(
    expect.stringMatching(/^pid \d+ is at CREATE INDEX CONCURRENTLY \(waiting for/),
  );
});

test('a build that still runs is left alone by the rollback, and found by the next deployment', async () => {
  const s = await rig.scenario();
  const short = {
    settings: { sliceMs: 6_000, timeoutMs: 25_000, rollbackWaitMs: 6_000 },
    migrateTimeoutMs: 15_000,
  };
  await s.stack.create(await s.version(DEFAULT));
  const release = await block(s);
  expect(await s.stack.update(await s.version(INDEXED, short))).toBe('UPDATE_ROLLBACK_COMPLETE');
  const failed = s.stack.events.find(({ status }) => status === 'UPDATE_FAILED')!;
  expect(failed.reason).toMatch(/Not finished within 25 seconds: .*CREATE INDEX CONCURRENTLY/);
  expect(s.stack.attributes.Warnings).toMatch(
    /^Another runner is working: pid \d+ is at CREATE INDEX CONCURRENTLY/,
  );
  expect(await isBuilding(s)()).toBe(true);
  await release();
  await until(async () => !(await isBuilding(s)()));
  // The server itself has recorded its end, under the deployment that began it; this one verifies it.
  const state = async () =>
    (await s.client.query("SELECT state, verified FROM trueup.migrations WHERE name = '0003_customer_index'"))
      .rows;
  expect(await state()).toEqual([{ state: 'unverified', verified: false }]);
  expect(await s.stack.update(await s.version(INDEXED))).toBe('UPDATE_COMPLETE');
  expect(await state()).toEqual([{ state: 'applied', verified: true }]);
  expect(s.stack.attributes).toMatchObject({ Applied: 'none', Position: '0003_customer_index' });
});

test('cancelled while it runs: the run stops, and what it applied is undone', async () => {
  const s = await rig.scenario();
  await s.stack.create(await s.version(DEFAULT));
  const before = await s.catalog();
  const release = await block(s);
  const updating = s.stack.update(
    await s.version(INDEXED, { settings: { sliceMs: 1_500 }, migrateTimeoutMs: 6_000 }),
  );
  await until(isBuilding(s));
  s.stack.cancel();
  setTimeout(release, 1_000);
  expect(await updating).toBe('UPDATE_ROLLBACK_COMPLETE');
  expect(await s.catalog()).toEqual(before);
  // The cancelled request's own answer: nobody heard it, and it is a success all the same.
  await until(() => s.answers.length === 3);
  expect(s.answers.map(({ counted, status }) => `${status} ${counted}`).sort()).toEqual([
    'SUCCESS false',
    'SUCCESS true',
    'SUCCESS true',
  ]);
  expect(await s.catalog()).toEqual(before);
});

test('another resource fails while our Create still runs: Delete comes with an invented id', async () => {
  const s = await rig.scenario();
  await s.client.query('CREATE TABLE orders (id bigint PRIMARY KEY, customer text NOT NULL)');
  const before = await s.catalog();
  const release = await block(s);
  const { '0003_customer_index': index } = INDEXED;
  const creating = s.stack.create(
    await s.version(
      { '0003_customer_index': index! },
      { settings: { sliceMs: 1_500 }, migrateTimeoutMs: 6_000 },
    ),
  );
  await until(isBuilding(s));
  s.stack.cancel();
  setTimeout(release, 1_000);
  expect(await creating).toBe('ROLLBACK_COMPLETE');
  const removed = rig.conductor.customResources(s.stack).requests.find((r) => r.RequestType === 'Delete')!;
  expect(removed.PhysicalResourceId).toMatch(/-Schema-/);
  expect(await s.catalog()).toEqual(before);
});

test('every request comes twice', async () => {
  const s = await rig.scenario();
  rig.conductor.customResources(s.stack).deliver = async (_, send) => {
    await Promise.all([send(), send()]);
  };
  expect(await s.stack.create(await s.version(TABLE))).toBe('CREATE_COMPLETE');
  const before = await s.catalog();
  expect(await s.stack.update(await s.version(BROKEN(DEFAULT)))).toBe('UPDATE_ROLLBACK_COMPLETE');
  expect(await s.stack.update(await s.version(DEFAULT))).toBe('UPDATE_COMPLETE');
  // The other answers may come later: a request that nobody waits for looks again, for a minute, before it stops.
  expect(s.answers.filter(({ counted }) => counted)).toHaveLength(4);
  const { rows } = await s.client.query(
    "SELECT event, migration FROM trueup.events WHERE event IN ('applied', 'undone') ORDER BY id",
  );
  expect(rows.map(({ event, migration }) => `${event} ${migration}`)).toEqual([
    'applied 0001_orders',
    'applied 0002_customer_default',
    'undone 0002_customer_default',
    'applied 0002_customer_default',
  ]);
  expect(await s.catalog()).not.toEqual(before);
});

test('a request comes a second time when the next deployment is done', async () => {
  const s = await rig.scenario();
  const late: (() => Promise<void>)[] = [];
  rig.conductor.customResources(s.stack).deliver = async (_, send) => {
    late.push(send);
    await send();
  };
  await s.stack.create(await s.version(TABLE));
  await s.stack.update(await s.version(BROKEN(DEFAULT)));
  await s.stack.update(await s.version(DEFAULT));
  const before = await s.catalog();
  await Promise.all(late.map((send) => send()));
  // Nothing waits for them: they look again until that is certain, and do nothing meanwhile.
  await sleep(1_500);
  expect(await s.catalog()).toEqual(before);
  expect(await s.applied()).toEqual(['0001_orders', '0002_customer_default']);
  expect(s.answers.filter(({ counted }) => !counted && s.answers.length > 4)).toEqual([]);
});

test('the database is down while the stack rolls back: success, and a report', async () => {
  const s = await rig.scenario();
  await s.stack.create(await s.version(TABLE, { settings: { rollbackWaitMs: 2_000 } }));
  const { server } = rig;
  rig.conductor.customResources(s.stack).deliver = async (request, send) => {
    if (
      s.story.at(-2) === 'Functions UPDATE_COMPLETE' &&
      s.story.includes('stack UPDATE_ROLLBACK_IN_PROGRESS')
    ) {
      await server.stopServer();
    }
    await send();
    void request;
  };
  const broken = await s.version(BROKEN(DEFAULT));
  expect(await s.stack.update(broken)).toBe('UPDATE_ROLLBACK_COMPLETE');
  await server.startServer();
  expect(s.answers.map(({ status }) => status)).toEqual(['SUCCESS', 'FAILED', 'SUCCESS']);
  expect(s.stack.attributes.Warnings).toContain('Nothing listens at that address');
  const again = await rig.connect(s.database);
  const { rows } = await again.query("SELECT name FROM trueup.migrations WHERE state = 'applied' ORDER BY 1");
  expect(rows.map(({ name }) => name)).toEqual(['0001_orders', '0002_customer_default']);
});
