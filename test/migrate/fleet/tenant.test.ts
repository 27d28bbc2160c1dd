/** One tenant of a fleet, as a child of the map asks for it, on a real server. */
import { describe, expect, test } from 'vitest';
import type { FleetRequest, TenantAnswer, TenantRequest } from '../../../lambda/contract/fleet';
import type { Manifest } from '../../../lambda/contract/manifest';
import { RUNNER_LOCK_KEY } from '../../../lambda/engine/locks/runner-lock';
import { makeRefusedSecretError } from '../../../lambda/migrate/credentials';
import { MAX_ANSWER_BYTES } from '../../../lambda/migrate/fleet/answer';
import { connect, createDatabase, outerMajors } from '../../support/database';
import { up } from '../../support/engine';
import { fleetFolder } from '../../support/fleet-folder';
import { manifestOf, migration } from '../../support/manifest';
import { untilRow } from '../../support/watching';
import { ask, callTenant, connectTo, OWNER, runRequest } from './support';

const databaseOf = (url: string): string => new URL(url).pathname.slice(1);
const one = migration('0001_orders', { up: ['CREATE TABLE orders (id int)'], down: ['DROP TABLE orders'] });
const total = migration('0002_total', {
  up: [
    {
      sql: 'ALTER TABLE orders ADD total int',
      locks: [{ relation: 'orders', mode: 'ACCESS EXCLUSIVE', created: false }],
    },
  ],
  down: ['ALTER TABLE orders DROP total'],
});
const first = manifestOf(one);
const second = manifestOf(one, total);

describe.each(outerMajors())('PostgreSQL %i', (major) => {
  async function withSchemas(...names: string[]) {
    const url = await createDatabase(major);
    const client = await connect(url);
    for (const name of names) await client.query(`CREATE SCHEMA "${name}"`);
    const at = (schema: string) => ({ name: `tenant ${schema}`, database: databaseOf(url), schema });
    const columns = async (schema: string): Promise<string> =>
      (
        await client.query(
          `SELECT coalesce(string_agg(attname, ',' ORDER BY attnum), '') AS made FROM pg_attribute
           WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped`,
          [`"${schema}".orders`],
        )
      ).rows[0].made;
    return { url, client, at, columns };
  }

  test('a schema and a database: looked at, migrated, and nothing the second time', async () => {
    const { url, at, columns } = await withSchemas('a', 'b');
    const own = await createDatabase(major);
    const of = { url, manifest: second };
    const request = runRequest(second);
    for (const tenant of [at('a'), { name: 'own', database: databaseOf(own) }]) {
      expect(await callTenant(of, 'inspect', tenant, request)).toMatchObject({
        name: tenant.name,
        state: 'behind',
        pending: 2,
        position: '',
      });
      expect(await callTenant(of, 'apply', tenant, request)).toMatchObject({
        state: 'up to date',
        pending: 0,
        position: '0002_total',
        changed: ['0001_orders', '0002_total'],
      });
      expect(await callTenant(of, 'inspect', tenant, request)).toMatchObject({
        state: 'up to date',
        pending: 0,
      });
      expect(await callTenant(of, 'apply', tenant, runRequest(second))).not.toHaveProperty('changed');
    }
    expect(await columns('a')).toBe('id,total');
    expect(await columns('b')).toBe('');
    const { rows } = await (await connect(own)).query('SELECT name, owner FROM trueup.namespaces');
    expect(rows).toEqual([{ name: 'crm', owner: '111122223333/eu-central-1/Shop' }]);
  });

  test('a look changes nothing, and names what stands against a tenant', async () => {
    const { url, client, at } = await withSchemas('edited', 'foreign');
    const of = { url, manifest: second };
    const look = (tenant: ReturnType<typeof at> | { name: string; database: string }) =>
      callTenant(of, 'inspect', tenant, runRequest(second));
    expect(await look(at('edited'))).toMatchObject({ state: 'behind' });
    expect((await client.query("SELECT to_regnamespace('trueup') AS there")).rows).toEqual([{ there: null }]);
    const edited = manifestOf(migration('0001_orders', { up: ['CREATE TABLE orders (id bigint)'] }));
    await up(url, edited, { namespace: 'crm/edited', id: 'before', schemas: ['edited'] });
    const owner = { ...OWNER, stackName: 'Other' };
    await up(url, first, { namespace: 'crm/foreign', id: 'before', schemas: ['foreign'], owner });
    expect(await look(at('edited'))).toMatchObject({ state: 'edited', error: { migration: '0001_orders' } });
    expect(await look(at('foreign'))).toMatchObject({ state: 'foreign', error: { code: 'ownership' } });
    expect(await callTenant(of, 'inspect', at('foreign'), runRequest(second, { adopt: true }))).toMatchObject(
      {
        state: 'behind',
        pending: 1,
      },
    );
    expect(await look(at('nowhere'))).toMatchObject({ state: 'refused', error: { code: 'target' } });
    expect(await look({ name: 'x', database: 'nowhere' })).toMatchObject({
      state: 'unreachable',
      error: { sqlstate: '3D000' },
    });
  });

  test('a tenant that is dropped, before its turn or in the middle of it: the server says that it is missing', async () => {
    const { url, client, at } = await withSchemas('a', 'b', 'kept');
    const slow = manifestOf(
      one,
      migration('0002_slow', { up: ['SELECT pg_sleep(2)', 'ALTER TABLE orders ADD x int'] }),
    );
    await callTenant({ url, manifest: first }, 'apply', at('b'), runRequest(first));
    const apply = (schema: string) =>
      callTenant({ url, manifest: slow }, 'apply', at(schema), runRequest(slow));
    await client.query('DROP SCHEMA a');
    expect(await apply('a')).toMatchObject({ state: 'failed', error: { sqlstate: '3F000' } });
    const [answer] = await Promise.all([
      apply('b'),
      untilRow(
        client,
        "SELECT FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND query LIKE '%pg_sleep(2)%' AND pid <> pg_backend_pid()",
      ).then(() => client.query('DROP SCHEMA b CASCADE')),
    ]);
    expect(answer).toMatchObject({
      state: 'failed',
      error: { sqlstate: '3F000', message: expect.stringContaining('no schema b') },
    });
    // Any other failure stays what it is.
    const broken = manifestOf(one, migration('0002_broken', { up: ['ALTER TABLE nobody ADD x int'] }));
    expect(
      await callTenant({ url, manifest: broken }, 'apply', at('kept'), runRequest(broken)),
    ).toMatchObject({
      state: 'failed',
      error: { sqlstate: '42P01' },
    });
  });

  test('existing tenants by a baseline: what holds it is recorded, what is new gets everything, what holds half of it fails', async () => {
    const { url, client, at } = await withSchemas('old', 'new', 'half');
    const verified = manifestOf(
      migration('0001_orders', {
        up: ['CREATE TABLE orders (id int)'],
        verify: "SELECT trueup.has_table('orders')",
      }),
      migration('0002_total', {
        up: ['ALTER TABLE orders ADD total int'],
        verify: "SELECT trueup.has_column('orders', 'total')",
      }),
      migration('0003_lines', { up: ['CREATE TABLE lines (id int)'] }),
    );
    await client.query('CREATE TABLE old.orders (id int, total int); CREATE TABLE half.orders (id int)');
    const request = () => runRequest(verified, { baseline: '0002_total' });
    const of = { url, manifest: verified };
    expect(await callTenant(of, 'inspect', at('old'), request())).toMatchObject({
      state: 'behind',
      pending: 3,
    });
    expect(await callTenant(of, 'apply', at('old'), request())).toMatchObject({
      state: 'up to date',
      changed: ['0001_orders', '0002_total', '0003_lines'],
    });
    expect(await callTenant(of, 'apply', at('new'), request())).toMatchObject({ state: 'up to date' });
    expect(await callTenant(of, 'apply', at('half'), request())).toMatchObject({
      state: 'failed',
      error: { code: 'verification', migration: '0002_total' },
    });
    const { rows } = await client.query(
      `SELECT namespace, string_agg(name, ',' ORDER BY name) FILTER (WHERE baselined) AS baselined
       FROM trueup.migrations WHERE state = 'applied' GROUP BY 1 ORDER BY 1`,
    );
    expect(rows).toEqual([
      { namespace: 'crm/half', baselined: '0001_orders' },
      { namespace: 'crm/new', baselined: null },
      { namespace: 'crm/old', baselined: '0001_orders,0002_total' },
    ]);
    for (const name of ['old', 'new'])
      expect(await callTenant(of, 'inspect', at(name), request())).toMatchObject({ state: 'up to date' });
  });

  test('a proof says of a tenant that is up to date whether what was applied is still there', async () => {
    const { url, client, at } = await withSchemas('a', 'b');
    const of = { url, manifest: fleetFolder() };
    await callTenant(of, 'apply', at('a'), runRequest(of.manifest));
    const prove = (schema: string) => callTenant(of, 'verify', at(schema), runRequest(of.manifest));
    expect(await prove('a')).toMatchObject({ state: 'up to date' });
    expect(await prove('b')).toMatchObject({ state: 'behind', pending: 3 });
    await client.query('ALTER TABLE a.orders DROP COLUMN total');
    expect(await prove('a')).toMatchObject({
      state: 'drifted',
      position: '0003_total',
      error: { migration: '0003_total', details: [expect.stringContaining('total')] },
    });
    expect(await callTenant(of, 'inspect', at('a'), runRequest(of.manifest))).toMatchObject({
      state: 'up to date',
    });
  });

  test('other code than the run is about asks nothing of the tenant', async () => {
    const { url, at } = await withSchemas('a');
    const connects = () => expect.unreachable() as never;
    const old = new Date(Date.now() - 61_000).toISOString();
    for (const work of ['inspect', 'apply', 'undo'] as const)
      expect(
        await callTenant({ url, manifest: first, connect: connects }, work, at('a'), {
          ...runRequest(second),
          startedAt: old,
        }),
      ).toMatchObject({
        state: 'refused',
        error: {
          code: 'manifest',
          remedy: expect.stringContaining('the deployment that changed the function'),
        },
      });
  });

  test('another workload or other shared schemas are other code, although the migrations are the same', async () => {
    const { url, at } = await withSchemas('a');
    const connects = () => expect.unreachable() as never;
    const of = {
      url,
      manifest: first,
      connect: connects,
      fleet: { code: 'older', databases: ['none of these'] },
    };
    for (const work of ['inspect', 'apply', 'undo'] as const) {
      const request = { ...runRequest(first), code: 'newer' };
      const late = { ...request, startedAt: new Date(Date.now() - 61_000).toISOString() };
      expect(await callTenant(of, work, at('a'), late)).toMatchObject({
        state: 'refused',
        error: { code: 'manifest', message: expect.stringContaining('another workload') },
      });
      expect(await ask(of, { action: 'tenant', work, tenant: at('a'), request })).toMatchObject({
        tenant: { state: 'continue' },
      });
    }
    const same = { url, manifest: first, fleet: { code: 'newer' } };
    expect(await callTenant(same, 'apply', at('a'), { ...runRequest(first), code: 'newer' })).toMatchObject({
      state: 'up to date',
    });
    // Written before there was such a hash.
    for (const [has, asks] of [
      ['newer', undefined],
      [undefined, 'newer'],
    ] as const)
      expect(
        await callTenant(
          { url, manifest: first, fleet: has === undefined ? {} : { code: has } },
          'inspect',
          at('a'),
          {
            ...runRequest(first),
            ...(asks === undefined ? {} : { code: asks }),
          },
        ),
      ).toMatchObject({ state: 'up to date' });
  });

  test('for a minute after the event, other code is one that an update has not replaced yet: asked again', async () => {
    const { url, at } = await withSchemas('a');
    const connects = () => expect.unreachable() as never;
    const response = await ask(
      { url, manifest: first, connect: connects },
      { action: 'tenant', work: 'inspect', tenant: at('a'), request: runRequest(second) },
    );
    expect(response).toMatchObject({ action: 'tenant', tenant: { state: 'continue' } });
  });

  test('a tenant that fails says why, once; the next request goes on', async () => {
    const { url, client, at, columns } = await withSchemas('a');
    await client.query('CREATE TABLE a.orders (id int, total int)');
    const of = { url, manifest: second };
    const request = runRequest(second);
    const failed = await callTenant(of, 'apply', at('a'), request);
    expect(failed).toMatchObject({ state: 'failed', error: { sqlstate: '42P07', migration: '0001_orders' } });
    expect(await callTenant(of, 'apply', at('a'), request)).toMatchObject({
      state: 'failed',
      error: failed.error,
    });
    await client.query('DROP TABLE a.orders');
    expect(await callTenant(of, 'apply', at('a'), runRequest(second))).toMatchObject({ state: 'up to date' });
    expect(await columns('a')).toBe('id,total');
  });

  test('slices go on where the one before stopped; the whole ends at the time of a tenant', async () => {
    const { url, client, at } = await withSchemas('a');
    await up(url, first, { namespace: 'crm/a', id: 'before', schemas: ['a'], owner: OWNER });
    await client.query('BEGIN; LOCK TABLE a.orders');
    const of = { url, manifest: second, deadlineMs: 3_000, fleet: { tenantTimeoutMs: 600_000 } };
    const request = runRequest(second);
    const slice = async (last?: TenantRequest['last']) => {
      const asked = {
        action: 'tenant',
        work: 'apply',
        tenant: at('a'),
        request,
        ...(last ? { last } : {}),
      } as const;
      const answer = await ask(of, asked);
      return { ...answer, tenant: (answer as { tenant: TenantAnswer }).tenant };
    };
    const waiting = await slice();
    expect(waiting).toMatchObject({ tenant: { state: 'continue' }, manifestHash: second.hash });
    const startedAt = new Date(Date.now() - 599_000).toISOString();
    let tenant: TenantAnswer = { name: 'tenant a', state: 'continue', startedAt, pending: 0, position: '' };
    // A slice that has no time for another attempt ends before its time.
    while (tenant.state === 'continue') ({ tenant } = await slice({ answer: { tenant } }));
    expect(tenant).toMatchObject({
      state: 'failed',
      startedAt,
      // On a busy machine the last slice may have no time for an attempt either.
      error: { code: expect.stringMatching(/^(lock-timeout|busy)$/) },
    });
    await client.query('ROLLBACK');
    expect(await callTenant(of, 'apply', at('a'), request)).toMatchObject({
      state: 'up to date',
      changed: ['0002_total'],
    });
  });

  describe('undo', () => {
    const rollback = (manifest: Manifest, failed: FleetRequest, change: Partial<FleetRequest> = {}) =>
      runRequest(manifest, {
        direction: 'rollback',
        failed: {
          manifestHash: failed.manifestHash,
          reportedSuccess: false,
          since: failed.startedAt ?? null,
        },
        ...change,
      });

    test('by the rules of rollback: what the failed run did, in each tenant that it came to', async () => {
      const { url, at, columns } = await withSchemas('a', 'b', 'c');
      const before = runRequest(first);
      for (const schema of ['a', 'b', 'c'])
        await callTenant({ url, manifest: first }, 'apply', at(schema), before);
      const failed = runRequest(second);
      for (const schema of ['a', 'b'])
        await callTenant({ url, manifest: second }, 'apply', at(schema), failed);
      const back = rollback(first, failed);
      const of = { url, manifest: first };
      for (const schema of ['a', 'b'])
        expect(await callTenant(of, 'undo', at(schema), back)).toMatchObject({
          state: 'undone',
          changed: ['0002_total'],
          position: '0001_orders',
        });
      const untouched = await callTenant(of, 'undo', at('c'), back);
      expect(untouched).toMatchObject({ state: 'undone', position: '0001_orders' });
      expect(untouched).not.toHaveProperty('changed');
      expect(untouched).not.toHaveProperty('kept');
      expect([await columns('a'), await columns('b'), await columns('c')]).toEqual(['id', 'id', 'id']);
    });

    test('what it may not undo is kept, with the reason', async () => {
      const { url, at, columns } = await withSchemas('a');
      const failed = runRequest(second);
      await callTenant({ url, manifest: second }, 'apply', at('a'), failed);
      const back = rollback(first, failed, {
        failed: { manifestHash: failed.manifestHash, reportedSuccess: true, since: failed.startedAt ?? null },
      });
      expect(await callTenant({ url, manifest: first }, 'undo', at('a'), back)).toMatchObject({
        state: 'undone',
        kept: [{ name: '0002_total', reason: expect.stringContaining('the schema was ready') }],
      });
      expect(await columns('a')).toBe('id,total');
    });

    test('plain indexes stay; what refuses rows, or is half built, does not', async () => {
      const { url, client, at } = await withSchemas('a');
      const index = (name: string, unique: string) =>
        migration(name, {
          up: [`CREATE ${unique} INDEX "i ${name}" ON orders (id)`],
          down: [`DROP INDEX IF EXISTS "i ${name}"`],
        });
      const check = migration('0004_check', {
        up: ['ALTER TABLE orders ADD CONSTRAINT c CHECK (id > 0)'],
        down: ['ALTER TABLE orders DROP CONSTRAINT c'],
      });
      const third = manifestOf(
        one,
        index('0002_plain', ''),
        index('0003_unique', 'UNIQUE'),
        check,
        index('0005_off', ''),
      );
      await callTenant({ url, manifest: first }, 'apply', at('a'), runRequest(first));
      const failed = runRequest(third);
      expect(await callTenant({ url, manifest: third }, 'apply', at('a'), failed)).toMatchObject({
        state: 'up to date',
      });
      await client.query(
        `UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'a."i 0005_off"'::regclass`,
      );
      const back = rollback(first, failed);
      expect(await callTenant({ url, manifest: first }, 'undo', at('a'), back)).toMatchObject({
        changed: ['0005_off', '0004_check', '0003_unique'],
        kept: [
          {
            name: '0002_plain',
            reason: 'it creates plain indexes, which do not break the older application',
          },
        ],
      });
      const { rows } = await client.query("SELECT indexname FROM pg_indexes WHERE schemaname = 'a'");
      expect(rows).toEqual([{ indexname: 'i 0002_plain' }]);
      expect(await callTenant({ url, manifest: third }, 'apply', at('a'), runRequest(third))).toMatchObject({
        state: 'up to date',
        changed: ['0003_unique', '0004_check', '0005_off'],
      });
    });

    test('a tenant that is gone is no error', async () => {
      const { url, client, at } = await withSchemas('a');
      const failed = runRequest(second);
      await callTenant({ url, manifest: second }, 'apply', at('a'), failed);
      await client.query('DROP SCHEMA a CASCADE');
      const of = { url, manifest: first };
      const back = rollback(first, failed);
      expect(await callTenant(of, 'undo', at('a'), back)).toMatchObject({ state: 'missing' });
      expect(await callTenant(of, 'undo', { name: 'b', database: 'nobody_has_it' }, back)).toMatchObject({
        state: 'missing',
      });
    });

    test('what time did not reach, and a server that is away, are kept and no failure', async () => {
      const { url, client, at, columns } = await withSchemas('a');
      const failed = runRequest(second);
      await callTenant({ url, manifest: second }, 'apply', at('a'), failed);
      await client.query('BEGIN; LOCK TABLE a.orders IN ACCESS SHARE MODE');
      const of = { url, manifest: first, deadlineMs: 3_000, fleet: { tenantTimeoutMs: 3_000 } };
      expect(await callTenant(of, 'undo', at('a'), rollback(first, failed))).toMatchObject({
        state: 'undone',
        kept: [{ name: '0002_total' }],
      });
      await client.query('ROLLBACK');
      const away = { ...of, connect: connectTo('postgresql://u@127.0.0.1:1/x') };
      expect(await callTenant(away, 'undo', at('a'), rollback(first, failed))).toMatchObject({
        state: 'undone',
        kept: [{ name: '*', reason: expect.stringMatching(/^not reached: nothing listens/) }],
      });
      expect(await columns('a')).toBe('id,total');
    });
  });

  test('two at once: each migration once', async () => {
    const { url, client, at } = await withSchemas('a');
    const of = { url, manifest: second };
    const answers = await Promise.all(
      [1, 2, 3].map(() => callTenant(of, 'apply', at('a'), runRequest(second))),
    );
    const changed = answers.flatMap((answer) => answer.changed ?? []);
    expect(changed).toEqual(['0001_orders', '0002_total']);
    const { rows } = await client.query(
      "SELECT migration FROM trueup.events WHERE event = 'applied' ORDER BY 1",
    );
    expect(rows.map((row) => row.migration)).toEqual(changed);
  });

  test('names with quotes; a long error; no answer is longer than it may be, nor holds a row', async () => {
    const name = 'o\'neil "; -- é';
    const { url, client } = await withSchemas();
    await client.query(`CREATE SCHEMA "${name.replaceAll('"', '""')}"`);
    const tenant = { name, database: databaseOf(url), schema: name };
    await callTenant({ url, manifest: first }, 'apply', tenant, runRequest(first));
    await client.query(
      `INSERT INTO "${name.replaceAll('"', '""')}".orders SELECT 987654 FROM generate_series(1, 3)`,
    );
    const long = manifestOf(
      one,
      migration(`0002_${'long'.repeat(60)}`, {
        up: ['SELECT 1'],
        preflight: "SELECT repeat('sentence ', 100) || n FROM generate_series(1, 50) n",
      }),
    );
    const unique = manifestOf(
      one,
      migration('0002_unique', { up: ['ALTER TABLE orders ADD PRIMARY KEY (id)'] }),
    );
    for (const manifest of [long, unique]) {
      const answer = await callTenant({ url, manifest }, 'apply', tenant, runRequest(manifest));
      expect(answer).toMatchObject({ name, state: 'failed' });
      expect(Buffer.byteLength(JSON.stringify(answer))).toBeLessThanOrEqual(MAX_ANSWER_BYTES);
      expect(JSON.stringify(answer)).not.toContain('987654');
    }
  });

  test('what is no tenant of this server is refused before anybody connects', async () => {
    const connects = () => expect.unreachable() as never;
    for (const tenant of [
      { name: 'a', database: 'a', host: 'evil.example' },
      { name: 'a', database: 'a', server: 'other' },
      { name: 'a', database: 'a', secret: 'arn' },
      { name: 'a', database: 'a', secret: 'acme/admin' },
      { name: 'a', database: 'a', schema: 'trueup' },
      { name: 'a', database: 'postgres' },
      { name: 'a', database: 'rdsadmin', schema: 's' },
      { name: 'a', database: 'b' },
      { name: 'a' },
    ])
      expect(
        await ask(
          {
            url: '',
            connect: connects,
            fleet: { databases: ['a', 'postgres'], secretPrefix: 'acme/tenants/' },
          },
          { action: 'tenant', work: 'apply', tenant: tenant as never, request: runRequest(manifestOf()) },
        ),
      ).toMatchObject({ action: 'error', error: { code: 'target' } });
  });

  test("a tenant's own secret: it logs in with that, wherever it is looked at, migrated or undone; one that is gone", async () => {
    const { url, at } = await withSchemas('a');
    const used: (string | undefined)[] = [];
    const connects = connectTo(url);
    const fleet = { secretPrefix: 'acme/tenants/' };
    const recording: typeof connects = (options) => {
      used.push(options?.secret);
      return connects(options);
    };
    const own = { ...at('a'), secret: 'acme/tenants/a' };
    const request = runRequest(first);
    const of = { url, manifest: first, connect: recording, fleet };
    expect(await callTenant(of, 'inspect', own, request)).toMatchObject({ state: 'behind' });
    expect(await callTenant(of, 'apply', own, request)).toMatchObject({ state: 'up to date' });
    expect(await callTenant(of, 'verify', own, request)).toMatchObject({ state: 'up to date' });
    await callTenant(of, 'undo', own, request);
    expect(used.length).toBeGreaterThanOrEqual(5);
    expect(new Set(used)).toEqual(new Set(['acme/tenants/a']));

    const gone: typeof connects = async () => {
      throw makeRefusedSecretError('ResourceNotFoundException', 400);
    };
    expect(await callTenant({ ...of, connect: gone }, 'inspect', own, request)).toMatchObject({
      state: 'unreachable',
      error: {
        message: "the secret with the database's password could not be read (ResourceNotFoundException)",
      },
    });
  });

  test('who is at work, by the locks: this fleet, and those of whom it is not known', async () => {
    const { url, client, at } = await withSchemas('a');
    // Other tests work on the same server.
    const here = async () => {
      const answer = await ask({ url }, { action: 'server' });
      if (answer.action !== 'server') throw new Error(JSON.stringify(answer));
      expect(answer.server.freeConnections).toBeGreaterThan(0);
      return answer.server.inFlight.first
        .filter(({ database }) => database === databaseOf(url))
        .map(({ namespace }) => namespace);
    };
    expect(await here()).toEqual([]);
    await up(url, first, { namespace: 'crm/a', id: 'before', schemas: ['a'], owner: OWNER });
    await client.query('BEGIN; LOCK TABLE a.orders');
    const working = callTenant({ url, manifest: second }, 'apply', at('a'), runRequest(second));
    const other = await connect(url);
    await other.query("SET application_name = 'trueup other/x'");
    await other.query(`SELECT pg_advisory_lock_shared(${RUNNER_LOCK_KEY}), pg_advisory_lock(42)`);
    await until(here, (seen) => seen.includes('crm/a'));
    expect(await here()).toEqual(['crm/a']);
    await other.query("SET application_name = 'psql'");
    expect((await here()).sort()).toEqual(['crm/a', null]);
    await other.query('SELECT pg_advisory_unlock_all()');
    await client.query('ROLLBACK');
    expect(await working).toMatchObject({ state: 'up to date' });
    expect(await here()).toEqual([]);
  });
});

async function until<T>(look: () => Promise<T>, done: (seen: T) => boolean): Promise<T> {
  for (;;) {
    const seen = await look();
    if (done(seen)) return seen;
  }
}
