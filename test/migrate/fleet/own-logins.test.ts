/** The scheduled check of tenants with logins of their own: it looks with the server's, and says where that one may not. */
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { computeSampleSlot } from '../../../lambda/fleet/sample';
import { checkFleetDrift } from '../../../lambda/migrate/fleet/drift';
import { connectPg } from '../../../lambda/postgres/pg';
import { asSuperuser, connect, createDatabase, outerMajors, serverUrl, urlOf } from '../../support/database';
import { manifestOf, migration, promising } from '../../support/manifest';
import { callTenant, connectTo, runRequest } from './support';

const databaseOf = (url: string): string => new URL(url).pathname.slice(1);
const manifest = promising(
  manifestOf(
    migration('0001_orders', {
      up: ['CREATE TABLE orders (id int, note text)'],
      verify: "SELECT 'a note is missing' FROM orders WHERE note IS NULL",
    }),
  ),
  { text: 'SELECT note FROM orders WHERE id = $1', calls: 88 },
);

describe.each(outerMajors())('PostgreSQL %i', (major) => {
  test('it says what is not seen, and takes none of it for drift', async () => {
    const tag = randomBytes(4).toString('hex');
    const [tenantRole, checker] = [`own_${tag}`, `check_${tag}`];
    const names = ['closed', 'hidden', 'partly', 'open'] as const;
    for (const role of [tenantRole, checker])
      await asSuperuser(major, `CREATE ROLE ${role} LOGIN PASSWORD 'x'`);
    const places: Record<string, string> = {};
    const of = async (name: (typeof names)[number], grants: string) => {
      const url = await createDatabase(major);
      const database = databaseOf(url);
      places[name] = database;
      const admin = await connect(url);
      await admin.query(
        `ALTER DATABASE ${database} OWNER TO ${tenantRole}; ALTER SCHEMA public OWNER TO ${tenantRole}`,
      );
      const asTenant = urlOf(url, { user: tenantRole, password: 'x' });
      const answer = await callTenant(
        { url: asTenant, manifest, connect: connectTo(asTenant) },
        'apply',
        { name, database },
        runRequest(manifest),
      );
      expect(answer).toMatchObject({ state: 'up to date' });
      await admin.query(grants.replaceAll('DB', database).replaceAll('ROLE', checker));
    };
    const ledger =
      'GRANT USAGE ON SCHEMA trueup TO ROLE; GRANT SELECT ON ALL TABLES IN SCHEMA trueup TO ROLE';
    await of('closed', 'REVOKE CONNECT ON DATABASE DB FROM PUBLIC');
    await of('hidden', '');
    await of('partly', ledger);
    await of(
      'open',
      `${ledger}; GRANT USAGE ON SCHEMA public TO ROLE; GRANT SELECT ON ALL TABLES IN SCHEMA public TO ROLE`,
    );

    const mine = Object.values(places);
    const check = (bounds: object) =>
      checkFleetDrift(
        {
          connect: async ({ database, readOnly } = {}) => {
            const db = await connectPg({
              url: urlOf(serverUrl(major), {
                database: database ?? places.open!,
                user: checker,
                password: 'x',
              }),
              readOnly,
            });
            const query: typeof db.query = async (sql, params, settings) => {
              const rows = await db.query(sql, params, settings);
              // Tests share a server.
              return sql.includes('pg_catalog.pg_database d')
                ? (rows.filter(({ name }) => mine.includes(String(name))) as never)
                : (rows as never);
            };
            return Object.assign(Object.create(db), { query, capabilities: db.capabilities }) as typeof db;
          },
          manifest,
          deadline: Date.now() + 60_000,
          namespace: 'crm',
          ownerRole: null,
          turn: computeSampleSlot(Date.now(), 1),
          bounds,
        },
        false,
      );
    const { closed, hidden, partly } = places;
    const secrets = await check({ secretPrefix: 'acme/' });
    expect(secrets.checked).toBe(1);
    expect(secrets.findings).toEqual([
      {
        kind: 'not-readable',
        tenants: 3,
        first: [closed, hidden, partly].sort(),
        example: expect.stringMatching(/0001_orders.*permission denied for (schema public|table orders)/),
      },
    ]);
    // Of a pattern it is known without secrets; what this login migrated itself and may no longer look at is no such thing.
    const named = await check({ databases: [closed, hidden] });
    expect(named.findings).toEqual([
      {
        kind: 'not-readable',
        tenants: 3,
        first: [closed, hidden, partly].sort(),
        example: expect.any(String),
      },
      { kind: 'verify-error', tenants: 1, first: [partly], example: expect.any(String) },
    ]);
    expect((await check({})).findings.filter(({ kind }) => kind === 'not-readable')).toMatchObject([
      { first: [partly] },
    ]);
  });
});
