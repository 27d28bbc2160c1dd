/** CloudFormation's documented event orders, through the real framework, the real bundles and a real PostgreSQL. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ServiceError } from '../support/aws/conductor/endpoint';
import { compileTexts, Rig } from '../support/conductor';
import { BROKEN, DEFAULT, INDEXED, TABLE } from './files';

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.start();
});
afterAll(() => rig?.close());

test('create, update, no change, delete', async () => {
  const s = await rig.scenario();
  expect(await s.stack.create(await s.version(TABLE))).toBe('CREATE_COMPLETE');
  expect(s.stack.attributes).toEqual({
    Position: '0001_orders',
    Applied: '0001_orders',
    Undone: 'none',
    Kept: 'none',
    Warnings: 'none',
  });

  const next = await s.version(INDEXED);
  expect(await s.stack.update(next)).toBe('UPDATE_COMPLETE');
  expect(s.stack.attributes).toMatchObject({ Applied: '0002_customer_default, 0003_customer_index' });

  expect(await s.stack.update(next)).toBe('UPDATE_COMPLETE');
  expect(s.answers).toHaveLength(2);

  expect(await s.stack.update({ ...next, schema: { ...next.schema, ForceRunToken: 'again' } })).toBe(
    'UPDATE_COMPLETE',
  );
  expect(s.stack.attributes).toMatchObject({ Applied: 'none', Position: '0003_customer_index' });

  const before = await s.catalog();
  expect(await s.stack.delete()).toBe('DELETE_COMPLETE');
  expect(await s.catalog()).toEqual(before);
  expect(s.answers.map(({ status }) => status)).toEqual(['SUCCESS', 'SUCCESS', 'SUCCESS', 'SUCCESS']);
});

test('a migration fails: the old bundle undoes what this deployment applied, and the next deployment works', async () => {
  const s = await rig.scenario();
  await s.stack.create(await s.version(TABLE));
  const before = await s.catalog();
  expect(await s.stack.update(await s.version(BROKEN(INDEXED), {}, { application: '2' }))).toBe(
    'UPDATE_ROLLBACK_COMPLETE',
  );
  expect(s.story.slice(-11)).toEqual(
    [
      'stack UPDATE_IN_PROGRESS',
      'Functions UPDATE_IN_PROGRESS',
      'Functions UPDATE_COMPLETE',
      'Schema UPDATE_IN_PROGRESS',
      'Schema UPDATE_FAILED',
      'stack UPDATE_ROLLBACK_IN_PROGRESS',
      'Functions UPDATE_IN_PROGRESS',
      'Functions UPDATE_COMPLETE',
      'Schema UPDATE_IN_PROGRESS',
      'Schema UPDATE_COMPLETE',
      'stack UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS',
    ]
      .concat('stack UPDATE_ROLLBACK_COMPLETE')
      .slice(1),
  );
  expect(s.reason).toContain('0009_broken');
  expect(s.reason).toContain('the comment is not the one that was wanted');
  expect(await s.catalog()).toEqual(before);
  expect(s.stack.attributes).toMatchObject({
    Undone: '0003_customer_index, 0002_customer_default',
    Kept: 'none',
    Position: '0001_orders',
  });
  expect(await s.stack.update(await s.version(INDEXED))).toBe('UPDATE_COMPLETE');
  expect(await s.applied()).toEqual(['0001_orders', '0002_customer_default', '0003_customer_index']);
});

test('a ledger row that was changed in between is kept, and the rest undone', async () => {
  const s = await rig.scenario();
  await s.stack.create(await s.version(TABLE));
  const broken = await s.version(BROKEN(INDEXED));
  // Between failure and rollback: when the old functions come back.
  const { answers } = s;
  const tampering = (async () => {
    while (answers.length < 2) await new Promise((next) => setTimeout(next, 5));
  })();
  rig.conductor.customResources(s.stack).deliver = async (request, send) => {
    if (request.RequestType === 'Update' && answers.length === 2) {
      await tampering;
      await s.client.query(
        "UPDATE trueup.migrations SET down = replace(down, 'DROP DEFAULT', 'TYPE varchar') WHERE name = '0002_customer_default'",
      );
    }
    await send();
  };
  expect(await s.stack.update(broken)).toBe('UPDATE_ROLLBACK_COMPLETE');
  expect(s.stack.attributes).toMatchObject({ Undone: '0003_customer_index' });
  expect(s.stack.attributes.Kept).toMatch(
    /^0002_customer_default \(its down section in the ledger has changed/,
  );
  expect(await s.applied()).toEqual(['0001_orders', '0002_customer_default']);
});

test('a later resource fails: everything stays, and says so; the next deployment finds it', async () => {
  const s = await rig.scenario();
  await s.stack.create(await s.version(TABLE));
  const fails = await s.version(DEFAULT, {}, { application: '2', applicationFails: true });
  expect(await s.stack.update(fails)).toBe('UPDATE_ROLLBACK_COMPLETE');
  expect(s.stack.attributes).toMatchObject({ Undone: 'none' });
  expect(s.stack.attributes.Kept).toMatch(/^0002_customer_default \(.*may be running\)$/);
  expect(await s.applied()).toContain('0002_customer_default');
  expect(await s.stack.update({ ...fails, applicationFails: false })).toBe('UPDATE_COMPLETE');
  expect(s.stack.attributes).toMatchObject({ Applied: 'none', Position: '0002_customer_default' });
});

test('a later resource fails, and the construct was told to undo all the same', async () => {
  const s = await rig.scenario();
  const properties = { RollbackAfterSuccess: 'true' };
  await s.stack.create(await s.version(TABLE, { properties }));
  const before = await s.catalog();
  const fails = await s.version(DEFAULT, { properties }, { applicationFails: true });
  expect(await s.stack.update(fails)).toBe('UPDATE_ROLLBACK_COMPLETE');
  expect(s.stack.attributes).toMatchObject({ Undone: '0002_customer_default', Kept: 'none' });
  expect(await s.catalog()).toEqual(before);
});

test('a first deployment fails: undone by the same rules, and the stack can be made again', async () => {
  const s = await rig.scenario();
  expect(await s.stack.create(await s.version(BROKEN(DEFAULT)))).toBe('ROLLBACK_COMPLETE');
  // The table is not on the list of what is harmless to drop.
  expect(await s.applied()).toEqual(['0001_orders']);
  expect(s.stack.attributes).toMatchObject({ Undone: '0002_customer_default' });
  const again = await rig.scenario(s.stack.name, s.database);
  expect(await again.stack.create(await again.version(DEFAULT))).toBe('CREATE_COMPLETE');
  expect(again.stack.attributes).toMatchObject({ Applied: '0002_customer_default' });
});

test('a first deployment fails in a later resource: everything stays', async () => {
  const s = await rig.scenario();
  const fails = await s.version(DEFAULT, {}, { applicationFails: true });
  expect(await s.stack.create(fails)).toBe('ROLLBACK_COMPLETE');
  expect(s.answers.map(({ requestType, status }) => `${requestType} ${status}`)).toEqual([
    'Create SUCCESS',
    'Delete SUCCESS',
  ]);
  expect(await s.applied()).toEqual(['0001_orders', '0002_customer_default']);
});

test('rollback disabled: the failed first deployment is deleted later, and undone then', async () => {
  const s = await rig.scenario();
  expect(await s.stack.create(await s.version(BROKEN(DEFAULT)), { disableRollback: true })).toBe(
    'CREATE_FAILED',
  );
  expect(await s.applied()).toContain('0002_customer_default');
  expect(await s.stack.delete()).toBe('DELETE_COMPLETE');
  expect(s.stack.attributes).toMatchObject({ Undone: '0002_customer_default' });
});

test('rollback disabled: going on with a better version, or back', async () => {
  const s = await rig.scenario();
  await s.stack.create(await s.version(TABLE));
  const before = await s.catalog();
  expect(await s.stack.update(await s.version(BROKEN(DEFAULT)), { disableRollback: true })).toBe(
    'UPDATE_FAILED',
  );
  expect(await s.stack.update(await s.version(DEFAULT))).toBe('UPDATE_COMPLETE');
  expect(await s.applied()).toEqual(['0001_orders', '0002_customer_default']);
  expect(await s.stack.update(await s.version(BROKEN(INDEXED)), { disableRollback: true })).toBe(
    'UPDATE_FAILED',
  );
  expect(await s.stack.rollBack()).toBe('UPDATE_ROLLBACK_COMPLETE');
  expect(s.stack.attributes).toMatchObject({ Undone: '0003_customer_index' });
  expect(await s.catalog()).not.toEqual(before);
  expect(await s.applied()).toEqual(['0001_orders', '0002_customer_default']);
});

test('a nested stack that had succeeded is rolled back by its parent: everything stays', async () => {
  const s = await rig.scenario();
  await s.stack.create(await s.version(TABLE));
  expect(await s.stack.update(await s.version(DEFAULT), { nested: true })).toBe('UPDATE_COMPLETE');
  expect(await s.stack.rollBack('The parent failed.')).toBe('UPDATE_ROLLBACK_COMPLETE');
  expect(s.stack.attributes.Kept).toMatch(/^0002_customer_default \(.*may be running\)$/);
});

test('a resource that an update adds and whose update fails is deleted at the end, and undone', async () => {
  const s = await rig.scenario();
  const version = await s.version(BROKEN(DEFAULT));
  await s.stack.create({ ...version, schema: null });
  expect(await s.stack.update(version)).toBe('UPDATE_ROLLBACK_COMPLETE');
  expect(s.answers.map(({ requestType, status }) => `${requestType} ${status}`)).toEqual([
    'Create FAILED',
    'Delete SUCCESS',
  ]);
  expect(s.stack.attributes).toMatchObject({ Undone: '0002_customer_default' });
});

test('a resource that is taken out of the template leaves the schema alone', async () => {
  const s = await rig.scenario();
  const version = await s.version(DEFAULT);
  await s.stack.create(version);
  const before = await s.catalog();
  expect(await s.stack.update({ ...version, schema: null, application: '2' })).toBe('UPDATE_COMPLETE');
  expect(await s.catalog()).toEqual(before);
  expect(s.answers.at(-1)).toMatchObject({ requestType: 'Delete', status: 'SUCCESS' });
});

test('the stack cannot be asked: the deployment works, and a rollback keeps everything', async () => {
  const s = await rig.scenario();
  rig.conductor.refuse = (action) =>
    action.startsWith('Describe') ? new ServiceError(403, 'AccessDenied', 'not authorized') : undefined;
  try {
    const settings = { rollbackWaitMs: 1_000 };
    expect(await s.stack.create(await s.version(TABLE, { settings }))).toBe('CREATE_COMPLETE');
    expect(await s.stack.update(await s.version(BROKEN(DEFAULT), { settings }))).toBe(
      'UPDATE_ROLLBACK_COMPLETE',
    );
    expect(await s.applied()).toEqual(['0001_orders', '0002_customer_default']);
    expect(s.stack.attributes.Warnings).toContain(
      '0002_customer_default is applied, but its file is missing',
    );
  } finally {
    rig.conductor.refuse = () => undefined;
  }
});

test('code with another manifest than the event names is never applied', async () => {
  const s = await rig.scenario();
  await s.stack.create(await s.version(TABLE));
  const codeManifest = await compileTexts(INDEXED);
  // So long other code could still be the code before an update.
  const settings = { rollbackWaitMs: 1_000 };
  expect(await s.stack.update(await s.version(DEFAULT, { codeManifest, settings }))).toBe(
    'UPDATE_ROLLBACK_COMPLETE',
  );
  expect(await s.applied()).toEqual(['0001_orders']);
  expect(s.stack.events.find(({ status }) => status === 'UPDATE_FAILED')!.reason).toContain(
    'The request names manifest',
  );
});
