/** The scheduled check of a fleet's server, on real servers: who its tenants are is read from the ledgers. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { computeNamespaceLockKey, RUNNER_LOCK_KEY } from '../../../lambda/engine/locks/runner-lock';
import { computeSampleSlot, selectSample } from '../../../lambda/fleet/sample';
import { checkFleetDrift } from '../../../lambda/migrate/fleet/drift';
import { takeNewFleetFindings } from '../../../lambda/migrate/fleet/new-findings';
import { connect, createDatabase, majors } from '../../support/database';
import { manifestOf, migration } from '../../support/manifest';
import { ask, callTenant, connectTo, runRequest } from './support';

const databaseOf = (url: string): string => new URL(url).pathname.slice(1);
const verified = migration('0001_orders', {
  up: ['CREATE TABLE orders (id int)'],
  verify: "SELECT trueup.has_table('orders')",
});
const manifest = manifestOf(verified);
/** All have their turn in the one run of the day. */
const turn = computeSampleSlot(Date.now(), 1);

describe.each(majors())('PostgreSQL %i', (major) => {
  afterEach(() => void vi.restoreAllMocks());

  /** Tests share a server: only their own databases are looked at. */
  const only = (url: string, ...names: string[]) => {
    const connects = connectTo(url);
    return async (options: Parameters<typeof connects>[0] = {}) => {
      const db = await connects(options);
      const query: typeof db.query = async (sql, params, settings) => {
        const rows = await db.query(sql, params, settings);
        return sql.includes('pg_catalog.pg_database d')
          ? (rows.filter((row) => names.includes(String(row.name ?? row.database))) as never)
          : (rows as never);
      };
      return Object.assign(Object.create(db), { query, capabilities: db.capabilities }) as typeof db;
    };
  };

  async function fleet() {
    const [url, own, stranger] = [
      await createDatabase(major),
      await createDatabase(major),
      await createDatabase(major),
    ];
    const client = await connect(url);
    const database = databaseOf(url);
    for (const schema of ['a', 'b', 'c', 'gone']) {
      await client.query(`CREATE SCHEMA ${schema}`);
      await callTenant({ url, manifest }, 'apply', { name: schema, database, schema }, runRequest(manifest));
    }
    await callTenant(
      { url, manifest },
      'apply',
      { name: 'own', database: databaseOf(own) },
      runRequest(manifest),
    );
    const ctx = {
      connect: only(url, database, databaseOf(own), databaseOf(stranger)),
      manifest,
      deadline: Date.now() + 60_000,
      namespace: 'crm',
      ownerRole: null,
      turn,
    };
    return { url, database, own: databaseOf(own), ownClient: await connect(own), client, ctx };
  }

  type Check = Awaited<ReturnType<typeof fleet>>['ctx'];

  /** Within a day, in as many runs as there are. */
  const everybodyOnce = async (database: string, own: string, ctx: Check) => {
    const expected = ['a', 'b', 'c', 'gone']
      .map((schema) => `${database}/crm/${schema}`)
      .concat(`${own}/crm`);
    let looked = 0;
    for (let place = 0; place < 6; place++) {
      const now = { place, runs: 6, day: 1 };
      const report = await checkFleetDrift({ ...ctx, turn: now }, false);
      expect(report.checked).toBe(selectSample(expected, (name) => name, now).length);
      looked += report.checked;
    }
    expect(looked).toBe(expected.length);
  };

  const lateIsCounted = async (ctx: Check) => {
    const late = await checkFleetDrift({ ...ctx, deadline: Date.now() + 10_000 }, true);
    expect(late).toMatchObject({ checked: 0, notReached: 3, audited: 0, findings: [] });
  };

  /** A database that takes nobody keeps nobody waiting. */
  const awayIsAKind = async (own: string, ctx: Check) => {
    const connects = ctx.connect;
    const refusing: typeof connects = (options = {}) =>
      connects(options.database === own ? { ...options, database: 'nobody has it' } : options);
    // Dropped meanwhile: nothing to tell.
    expect(await checkFleetDrift({ ...ctx, connect: refusing }, false)).toMatchObject({
      checked: 4,
      findings: [],
    });
    const away: typeof connects = async (options = {}) =>
      options.database === own ? connectTo('postgresql://u@127.0.0.1:1/x')() : connects(options);
    expect(await checkFleetDrift({ ...ctx, connect: away }, false)).toMatchObject({
      checked: 4,
      findings: [{ kind: 'unreachable', tenants: 1, first: [own] }],
    });
  };

  test('in turns, in time, and what is wrong by kind; a tenant that is gone and a database of others are nothing', async () => {
    const { database, own, client, ownClient, ctx } = await fleet();
    await everybodyOnce(database, own, ctx);
    await lateIsCounted(ctx);
    await awayIsAKind(own, ctx);
    await client.query('DROP SCHEMA gone CASCADE');
    expect(await checkFleetDrift(ctx, false)).toMatchObject({
      checked: 4,
      notReached: 0,
      audited: 0,
      findings: [],
      logging: [],
    });
    await client.query('DROP TABLE a.orders, b.orders');
    await ownClient.query('DROP TABLE orders');
    const more = { ...ctx, manifest: manifestOf(verified, migration('0002_next')) };
    // As a run over another tenant of the fleet holds it.
    await client.query("SET application_name = 'trueup crm/a'");
    await client.query(
      `SELECT pg_advisory_lock_shared(${RUNNER_LOCK_KEY}), pg_advisory_lock(${computeNamespaceLockKey('crm/a')})`,
    );
    const report = await checkFleetDrift(more, false);
    expect(report.deploying).toBe(true);
    const example = expect.stringMatching(/^0001_orders: .*orders/);
    expect(report.findings).toEqual([
      {
        kind: 'pending',
        tenants: 4,
        first: [`${database}/a`, `${database}/b`, `${database}/c`, own].sort(),
        example: '1 pending, the first is 0002_next',
      },
      { kind: 'drift', tenants: 3, first: [`${database}/a`, `${database}/b`, own].sort(), example },
    ]);
  });

  test('the audit: one finding a kind for a page, once', async () => {
    const { url, database, own, client, ownClient, ctx } = await fleet();
    for (const at of [client, ownClient]) {
      await at.query('CREATE TABLE public.t (id int, CHECK (id > 0))');
      await at.query('ALTER TABLE public.t ADD CONSTRAINT later CHECK (id > 1) NOT VALID');
    }
    const report = await checkFleetDrift(ctx, true);
    expect(report).toMatchObject({
      audited: 2,
      findings: [{ kind: 'unvalidated-constraint', tenants: 2, first: [database, own].sort() }],
    });
    expect(report.unpaged).toBe(2);
    const found = await takeNewFleetFindings(ctx);
    expect(found).toMatchObject({
      count: 1,
      marked: true,
      findings: [{ id: 'unvalidated-constraint', object: 'public.t' }],
    });
    expect(found.findings[0]!.message).toMatch(/2 of this kind, in 2 databases: /);
    expect(await takeNewFleetFindings(ctx)).toMatchObject({ count: 0 });
    expect(await checkFleetDrift(ctx, true)).toMatchObject({ audited: 2, unpaged: 0 });

    const written: string[] = [];
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => written.push(String(text)) > 0);
    const of = { url, manifest, connect: ctx.connect, checksADay: 1 };
    expect(await ask(of, { action: 'drift' })).toMatchObject({
      action: 'fleet-drift',
      drift: { checked: 5, audited: 2 },
    });
    expect(written.map((line) => JSON.parse(line))).toContainEqual(
      expect.objectContaining({
        DriftChecked: 1,
        Drift: 0,
        NewFindings: 0,
        AuditFindings: 1,
        TenantsNotReached: 0,
      }),
    );
    expect(await ask(of, { action: 'new-findings', of: null })).toMatchObject({ found: { count: 0 } });
  });
});
