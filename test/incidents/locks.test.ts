/** What each shipped statement really locks, read from pg_locks on a real server, against what the compiler says. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import { describe, expect, test } from 'vitest';
import { keepStrongest, LOCK_MODES, type LockMode } from '../../lambda/contract/locks';
import type { Statement } from '../../lambda/contract/manifest';
import { connect, createDatabase, majors } from '../support/database';
import { run } from '../support/engine';
import { manifestOf as manifestFrom } from '../support/manifest';
import { INCIDENTS } from './index';
import { manifestOf } from './support';

/** Tables that were there before, and the strongest mode of each; `ACCESS EXCLUSIVE` is stored as AccessExclusiveLock. */
async function heldOn(
  client: Client,
  pid: number,
  existing: ReadonlySet<string>,
): Promise<Map<string, LockMode>> {
  const { rows } = await client.query(
    `SELECT l.relation::text AS oid, l.mode FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
     JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE l.pid = $1 AND l.granted AND c.relkind IN ('r', 'p') AND n.nspname = 'public'`,
    [pid],
  );
  const held = new Map<string, LockMode>();
  for (const { oid, mode } of rows as { oid: string; mode: string }[]) {
    const words = mode.replace(/Lock$/, '').replace(/([a-z])([A-Z])/g, '$1 $2');
    const name = words.toUpperCase() as LockMode;
    if (existing.has(oid)) keepStrongest(held, oid, name);
  }
  return held;
}

const rank = (mode: LockMode | undefined): number => (mode === undefined ? -1 : LOCK_MODES.indexOf(mode));

/** By table; an index stands for its table. */
async function declared(client: Client, statement: Statement): Promise<Map<string, LockMode>> {
  const modes = new Map<string, LockMode>();
  for (const { relation, mode } of statement.locks) {
    const { rows } = await client.query(
      'SELECT coalesce(i.indrelid, c.oid)::text AS oid FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid WHERE c.oid = to_regclass($1)',
      [relation],
    );
    const oid = rows[0]?.oid as string | undefined;
    if (oid !== undefined) keepStrongest(modes, oid, mode);
  }
  return modes;
}

async function tables(client: Client): Promise<Set<string>> {
  const { rows } = await client.query("SELECT oid::text FROM pg_class WHERE relkind IN ('r', 'p')");
  return new Set(rows.map((row) => row.oid));
}

function stronger(taken: ReadonlyMap<string, LockMode>, said: ReadonlyMap<string, LockMode>): string[] {
  return [...taken]
    .filter(([oid, mode]) => rank(mode) > rank(said.get(oid)))
    .map(([oid, mode]) => `${mode} on ${oid}, declared ${said.get(oid) ?? 'nothing'}`);
}

/** Runs the statement as the engine would, and looks at what it holds. */
class Watched {
  checked = 0;

  constructor(
    readonly runner: Client,
    readonly observer: Client,
    readonly pid: number,
  ) {}

  async run(statement: Statement): Promise<void> {
    const [existing, said] = [await tables(this.observer), await declared(this.observer, statement)];
    if (statement.execution === 'non-transactional') {
      // CREATE INDEX CONCURRENTLY waits for the snapshot, DROP INDEX CONCURRENTLY for the lock on its table.
      await this.observer.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1');
      for (const oid of said.keys())
        await this.observer.query(`LOCK TABLE ${await nameOf(this.observer, oid)} IN ACCESS SHARE MODE`);
      const running = this.runner.query(statement.sql);
      const seen = new Map<string, LockMode>();
      for (let i = 0; i < 20; i++) {
        for (const [oid, mode] of await heldOn(this.observer, this.pid, existing)) seen.set(oid, mode);
        await sleep(10);
      }
      await this.observer.query('COMMIT');
      await running;
      expect(seen.size, statement.sql).toBeGreaterThan(0);
      expect(stronger(seen, said), statement.sql).toEqual([]);
    } else {
      await this.runner.query('BEGIN');
      await this.runner.query(statement.sql);
      expect(stronger(await heldOn(this.runner, this.pid, existing), said), statement.sql).toEqual([]);
      await this.runner.query('COMMIT');
    }
    this.checked++;
  }
}

const nameOf = async (client: Client, oid: string): Promise<string> =>
  (await client.query('SELECT $1::oid::regclass::text AS name', [oid])).rows[0].name;

describe.each(majors())('PostgreSQL %i', (major) => {
  test.each(INCIDENTS.map((i) => [i.id, i] as const))(
    '%s: no statement of up or down locks more than it says',
    async (_, incident) => {
      const url = await createDatabase(major);
      const [runner, observer] = [await connect(url), await connect(url)];
      const pid = (await runner.query('SELECT pg_backend_pid() AS pid')).rows[0].pid;
      const watched = new Watched(runner, observer, pid);
      await incident.seed(runner);
      const { migrations } = await manifestOf(incident);
      // The ledger and the functions that a migration's own statements may call.
      await run(url, manifestFrom());
      for (const migration of migrations) {
        for (const { sql } of migration.preflight) {
          if ((await runner.query(sql)).rowCount === 0) continue;
          for (const repair of incident.byHand) await runner.query(repair.sql);
        }
        for (const statement of migration.statements) await watched.run(statement);
      }
      const up = watched.checked;
      expect(up).toBeGreaterThan(0);
      const downs = [...migrations].reverse().flatMap(({ down }) => down);
      for (const statement of downs) await watched.run(statement);
      expect(watched.checked).toBe(up + downs.length);
    },
  );

  test('some of the shipped migrations have a down', async () => {
    const manifests = await Promise.all(INCIDENTS.map(manifestOf));
    expect(
      manifests.flatMap(({ migrations }) => migrations).filter(({ down }) => down.length > 0).length,
    ).toBe(5);
  });
});
