/** The function of a fleet's server dies at each of its calls; and what it asks calls nothing that others put on the path. */
import { describe, expect, test } from 'vitest';
import { listDatabases, readTenants } from '../../../lambda/migrate/fleet/drift';
import { connectPg } from '../../../lambda/postgres/pg';
import { majors, newestMajor } from '../../support/database';
import { fleetFolder } from '../../support/fleet-folder';
import { BEFORE, BEHIND, hijacks, trapped } from '../../support/trapped';
import { failAtEachCall } from './failing';
import { ask, callTenant, runRequest } from './support';

const manifest = fleetFolder();

// The other majors, and lost connections: test/slow/fleet-function.test.ts
test.each(['before', 'after'] as const)('it dies %s a call', (when) =>
  failAtEachCall(newestMajor(), 'dies', when),
);

describe.each(majors())('PostgreSQL %i', (major) => {
  test.each([
    ['before', BEFORE],
    ['behind', BEHIND],
  ])("nothing on the path %s the server's own is called by what a fleet asks", async (_, traps) => {
    const [url, client] = await trapped(major, traps);
    const database = new URL(url).pathname.slice(1);
    const of = {
      url,
      manifest,
      fleet: {
        sources: [
          { kind: 'query', database, sql: "SELECT 'a' AS name, 'b' AS database" },
          { kind: 'databases', pattern: `${database}*`, exclude: ['x'] },
          { kind: 'schemas', database, pattern: 'publi?', exclude: ['x'] },
        ],
      },
    } as const;
    const before = await hijacks(client);
    for (const source of [0, 1, 2])
      for (const after of [null, '["0", "0", "0", "0"]'])
        expect(await ask(of, { action: 'list-tenants', source, after, limit: 10 })).toMatchObject({
          page: { tenants: [{}] },
        });
    expect(await ask(of, { action: 'server' })).toMatchObject({
      server: { freeConnections: expect.any(Number) },
    });
    await client.query('CREATE SCHEMA a');
    const tenant = { name: 'a', database, schema: 'a' };
    for (const work of ['inspect', 'undo'] as const)
      expect(
        await callTenant(
          of,
          work,
          tenant,
          runRequest(manifest, { direction: work === 'undo' ? 'rollback' : 'forward' }),
        ),
      ).not.toHaveProperty('error');
    const db = await connectPg({ url, readOnly: true });
    expect(await listDatabases(db)).toContain(database);
    expect(await readTenants(db, 'crm')).toEqual(expect.any(Array));
    await db.close();
    expect(await hijacks(client)).toBe(before);
  });
});
