/**
 * The search path of everything that Trueup creates or calls is pinned: with a schema first on the path that has a
 * function, operator, type and relation under every name that the server has, none of them is called.
 */
import { describe, expect, test } from 'vitest';
import type { ConvergeOutcome, ConvergeRequest } from '../../lambda/contract/converge';
import type { Manifest } from '../../lambda/contract/manifest';
import { converge, down, plan, readStatus, verify } from '../../lambda/engine';
import { connectDataApi } from '../../lambda/postgres/data-api/database';
import type { Database } from '../../lambda/postgres/database';
import { connectPg } from '../../lambda/postgres/pg';
import { startDataApi } from '../support/aws/data-api';
import { majors } from '../support/database';
import { manifestOf, migration, request } from '../support/manifest';
import { BEFORE, BEHIND, hijacks, trapped } from '../support/trapped';

const lock = { relation: 'items', mode: 'ACCESS EXCLUSIVE' as const, created: false };
const index = { kind: 'index', name: 'items_a', schema: null, table: 'items', unique: false } as const;
const has = (column: string) => `SELECT * FROM trueup.has_column('items', '${column}')`;

const made = migration('0001_made', { up: ['CREATE TABLE items (a int)'], verify: has('a') });
const locked = migration('0002_locked', {
  preflight: "SELECT 'no' WHERE false",
  up: [{ sql: 'ALTER TABLE items ADD COLUMN b int', locks: [lock] }, 'UPDATE items SET b = 1'],
  verify: has('b'),
  down: [{ sql: 'ALTER TABLE items DROP COLUMN b', locks: [lock] }],
});
const built = migration('0003_built', {
  up: [
    {
      sql: 'CREATE INDEX CONCURRENTLY items_a ON items (a)',
      execution: 'non-transactional',
      target: { ...index, action: 'create' },
    },
  ],
  verify: "SELECT * FROM trueup.is_indexed('items', ARRAY['a'])",
});
const mixed = migration('0004_mixed', {
  up: [
    'ALTER TABLE items ADD CONSTRAINT known CHECK (a IS NOT NULL) NOT VALID',
    { sql: 'ALTER TABLE items VALIDATE CONSTRAINT known', execution: 'separate' },
    { sql: 'DELETE FROM items WHERE a IS NULL', execution: 'batch' },
  ],
  verify: has('a'),
});
const fails = migration('0005_fails', { up: ['SELECT no_such_column'] });
/** There is more than one page of it, which goes over the Data API in pieces. */
const long = migration('0006_long', { up: [`SELECT '${'x'.repeat(40_000)}'`], down: ['SELECT 1'] });

describe.each(majors())('PostgreSQL %i', (major) => {
  test.each([
    ['before', 'pg'],
    ['before', 'data-api'],
    ['behind', 'pg'],
  ] as const)("%s the server's own, over %s", async (where, transport) => {
    const [url, client] = await trapped(major, where === 'before' ? BEFORE : BEHIND);
    await client.query('CREATE TABLE public.schema_migrations (version varchar(255) PRIMARY KEY)');
    const { hostname, port, username, password, pathname } = new URL(url);
    const endpoint = await startDataApi({
      host: hostname,
      port: Number(port),
      secret: { username, password },
    });
    const called: string[] = [];
    const watched = <T>(answer: Promise<T>): Promise<T> =>
      answer.catch((error: Error) => {
        if (error.message.startsWith('hijacked')) called.push(error.message);
        throw error;
      });
    const connect = async (): Promise<Database> => {
      const db = await (transport === 'pg'
        ? connectPg({ url })
        : connectDataApi({ ...endpoint, database: pathname.slice(1) }));
      const query: Database['query'] = (...all) => watched(db.query(...all));
      const execute: Database['execute'] = (...all) => watched(db.execute(...all));
      return Object.assign(Object.create(db) as Database, { query, execute });
    };
    const context = (manifest: Manifest) => ({ connect, manifest, deadline: Date.now() + 60_000 });
    const go = async (
      manifest: Manifest,
      change: Partial<ConvergeRequest> = {},
    ): Promise<ConvergeOutcome> => {
      const outcome = await converge(context(manifest), request(manifest, change));
      expect({ called, count: await hijacks(client) }).toEqual({ called: [], count: 0 });
      return outcome;
    };
    const first = manifestOf(made);
    const all = manifestOf(made, locked, built, mixed);
    expect(await go(first)).toMatchObject({ status: 'done' });
    expect(await go(all)).toMatchObject({
      status: 'done',
      report: { applied: expect.arrayContaining(['0004_mixed']) },
    });
    const more = manifestOf(...all.migrations, long, fails);
    expect(await plan(context(more), request(more))).toMatchObject({ errors: [], steps: [{}, {}] });
    expect(await go(more)).toMatchObject({ status: 'failed', error: { sqlstate: '42703' } });
    const failed = { manifestHash: more.hash, reportedSuccess: false };
    expect(await go(all, { direction: 'rollback', failed })).toMatchObject({
      report: { undone: ['0006_long'] },
    });
    expect((await readStatus(context(all), 'app')).position).toBe('0004_mixed');
    const { verified, findings, errors } = await verify(context(all), 'app');
    expect({ verified, findings, errors }).toMatchObject({
      verified: { length: 4 },
      findings: [],
      errors: [],
    });
    const ask = { id: 'down', namespace: 'app', owner: null, name: locked.name };
    expect(await down(context(all), ask)).toMatchObject({ status: 'done' });
    const baselined = { baseline: mixed.name, baselineOnly: true, namespace: 'other' };
    expect(await go(first, { ...baselined, baseline: made.name })).toMatchObject({
      report: { baselined: [made.name] },
    });
    await endpoint.close();
    expect(await hijacks(client)).toBe(0);
  });
});
