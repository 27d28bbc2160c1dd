/**
 * Who may create functions and operators in a schema on the login role's search_path puts better matches there than the
 * server's own (CVE-2018-1058). None of them is ever called.
 */
import { describe, expect, test } from 'vitest';
import { readStatus, verify } from '../../lambda/engine';
import { type IndexTarget, readIndex } from '../../lambda/engine/apply/index-state';
import { readStatementOutcome } from '../../lambda/engine/apply/outcome';
import { dropReindexLeftovers } from '../../lambda/engine/apply/reindex';
import { findBlockers, findRowHolders } from '../../lambda/engine/locks/blockers';
import { connectDataApi } from '../../lambda/postgres/data-api/database';
import { buildLongText, readLongText } from '../../lambda/postgres/long-text';
import { connectPg } from '../../lambda/postgres/pg';
import { startDataApi } from '../support/aws/data-api';
import { majors } from '../support/database';
import { contextFor, progressed, run, runOn, runUntil } from '../support/engine';
import { manifestOf, migration, request } from '../support/manifest';
import { BEFORE, BEHIND, trapped } from '../support/trapped';

const items: IndexTarget = {
  kind: 'index',
  action: 'create',
  name: 'items_a',
  schema: null,
  table: 'items',
  unique: false,
};

describe.each(majors())('a hostile schema on the path, PostgreSQL %i', (major) => {
  test("before the server's own: locks, indexes and long texts", async () => {
    const [url, client] = await trapped(major, BEFORE);
    await client.query('CREATE TABLE public.items (a int); CREATE INDEX items_a ON public.items (a)');
    const { hostname, port, username, password, pathname } = new URL(url);
    const endpoint = await startDataApi({
      host: hostname,
      port: Number(port),
      secret: { username, password },
    });
    const pg = await connectPg({ url });
    const api = await connectDataApi({ ...endpoint, database: pathname.slice(1) });
    try {
      await expect(pg.query('SELECT a FROM items WHERE a = 1')).resolves.toEqual([]);
      await expect(pg.query("SELECT left('abc', 2)")).rejects.toThrow('hijacked');
      await client.query('BEGIN; LOCK TABLE public.items IN SHARE MODE');
      for (const [db, other] of [[pg, api] as const, [api, pg] as const]) {
        expect(await readIndex(db, items)).toMatchObject({ valid: true });
        expect(await readIndex(db, { ...items, table: null })).toMatchObject({ valid: true });
        const parts = await runOn(db, url);
        const since = { xid: '3', at: '2026-01-01 00:00:00+00' };
        const reindexed = { ...items, action: 'reindex' } as const;
        for (const about of [reindexed, { ...reindexed, name: null, table: null }]) {
          await dropReindexLeftovers(parts, about, since);
          expect(await readStatementOutcome(parts, about, since)).toEqual({ is: 'done' });
        }
        for (const about of [
          { kind: 'partition', action: 'detach', table: 'items', partition: 'items' },
          { kind: 'subscription', action: 'drop', name: 'none' },
        ] as const)
          expect(await readStatementOutcome(parts, about, since)).toEqual({ is: 'done' });
        expect(
          await readStatementOutcome(parts, { kind: 'maintenance', vacuumed: ['items'] }, since),
        ).toEqual({
          is: 'open',
        });
        const blockers = await findBlockers(db, [{ relation: 'items', mode: 'ACCESS EXCLUSIVE' }]);
        expect(blockers).toMatchObject([{ words: expect.stringContaining('holds ShareLock on') }]);
        expect(await findRowHolders(db, ['items'])).toEqual([]);
        expect(await other.tryLock(7n)).toBe(true);
        expect(await db.tryLock(7n)).toBe(false);
        expect(await db.lockHolder(7n)).toMatchObject({ pid: expect.any(Number) });
        await other.unlock(7n);
        const text = 'long '.repeat(10_000);
        const { statements, expression } = buildLongText(text);
        await db.execute([
          { statements: [...statements, `CREATE TABLE public.kept AS SELECT ${expression} AS t`] },
        ]);
        expect(await readLongText(db, 'SELECT t FROM public.kept', [])).toBe(text);
        await db.execute([{ statements: ['DROP TABLE public.kept'] }]);
      }
    } finally {
      await Promise.all([pg.close(), api.close()]);
      await endpoint.close();
    }
  });

  test('behind it: up, status, verify, waiting, CONCURRENTLY, rollback', async () => {
    const [url, client] = await trapped(major, BEHIND);
    const made = migration('0001_made', {
      up: ['CREATE TABLE items (a int)'],
      verify: "SELECT * FROM trueup.has_column('items', 'a')",
    });
    const built = migration('0002_built', {
      up: [
        {
          sql: 'CREATE INDEX CONCURRENTLY items_a ON items (a)',
          execution: 'non-transactional',
          target: items,
        },
      ],
      verify: "SELECT * FROM trueup.is_indexed('items', ARRAY['a'])",
    });
    const locked = migration('0003_locked', {
      up: [
        {
          sql: 'ALTER TABLE items ADD COLUMN b int',
          locks: [{ relation: 'items', mode: 'ACCESS EXCLUSIVE', created: false }],
        },
      ],
      down: ['ALTER TABLE items DROP COLUMN b'],
      verify: "SELECT * FROM trueup.has_column('items', 'b')",
    });
    const before = manifestOf(made, built);
    const after = manifestOf(made, built, locked, migration('0004_fails', { up: ['SELECT 1/0'] }));
    expect((await run(url, before)).outcome).toMatchObject({ status: 'done' });
    await client.query('BEGIN; LOCK TABLE public.items IN ACCESS SHARE MODE');
    const waiting = await runUntil(progressed('holds'), url, after, {}, 2_000);
    expect(waiting.outcome).toMatchObject({
      status: 'continue',
      progress: expect.stringContaining('holds AccessShareLock'),
    });
    await client.query('COMMIT');
    const failed = await run(url, after);
    expect(failed.outcome).toMatchObject({ status: 'failed', error: { sqlstate: '22012' } });
    const back = request(before, {
      direction: 'rollback',
      failed: { manifestHash: after.hash, reportedSuccess: false },
    });
    expect((await run(url, before, back)).outcome).toMatchObject({
      status: 'done',
      report: { undone: ['0003_locked'] },
    });
    expect((await readStatus(contextFor(url, before), 'app')).position).toBe('0002_built');
    expect((await verify(contextFor(url, before), 'app')).verified).toEqual(['0001_made', '0002_built']);
  });
});
