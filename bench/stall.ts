/** How long readers and writers of a table stand still while a migration waits for a lock that an idle transaction holds. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import type { PostgresServer } from '../lib/scratch-postgres/server';
import { withDatabase } from './server';
import { run, start, type Tool } from './tools';
import type { Folders } from './workload';

export interface Stall {
  readonly tool: string;
  /** The longest that one statement of the application took, ms. */
  readonly readerMs: number;
  readonly writerMs: number;
  /** How long the idle transaction held its lock while the tool wanted it, ms. */
  readonly heldMs: number;
  /** The tool went on by itself and applied the migration once the lock was free. */
  readonly finished: boolean;
}

/**
 * @param before one migration, applied first: makes table t1
 * @param after the same folder with one more, which alters t1
 */
export function measureStall(
  server: PostgresServer,
  tool: Tool,
  before: Folders,
  after: Folders,
  heldMs: number,
): Promise<Stall> {
  return withDatabase(server, async (url) => {
    await run(tool.command(url, before));
    const [idle, reader, writer] = await Promise.all([open(url), open(url), open(url)]);
    let over = false;
    try {
      await idle.query('BEGIN; SELECT count(*) FROM t1');
      let id = 0;
      const application = [
        longest(
          () => reader.query('SELECT count(*) FROM t1'),
          () => over,
        ),
        longest(
          () => writer.query(`INSERT INTO t1 (id, name) VALUES (${++id}, 'x')`),
          () => over,
        ),
      ];
      const child = start(tool.command(url, after));
      const ended = new Promise<number | null>((done) => child.once('close', done));
      await waitUntilBlocked(url, ended);
      await sleep(heldMs);
      // What stands still now has stood still so long; it ends with the transaction.
      await idle.query('ROLLBACK');
      const code = await Promise.race([ended, sleep(30_000, 'late' as const)]);
      if (code === 'late') process.kill(-child.pid!, 'SIGKILL');
      over = true;
      const [readerMs, writerMs] = await Promise.all(application);
      return { tool: tool.name, readerMs: readerMs!, writerMs: writerMs!, heldMs, finished: code === 0 };
    } finally {
      over = true;
      await Promise.all([idle, reader, writer].map((client) => client.end().catch(() => {})));
    }
  });
}

async function open(url: string): Promise<Client> {
  const client = new Client({ connectionString: url, application_name: 'application' });
  client.on('error', () => {});
  await client.connect();
  return client;
}

/** Until some tool's session has waited for a lock. @throws {Error} when the tool ends before that */
async function waitUntilBlocked(url: string, ended: Promise<number | null>): Promise<void> {
  const watcher = await open(url);
  try {
    let code: number | null | undefined;
    void ended.then((result) => {
      code = result;
    });
    for (const end = Date.now() + 30_000; Date.now() < end; await sleep(10)) {
      const { rowCount } = await watcher.query(
        "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name <> 'application' AND datname = current_database()",
      );
      if (rowCount) return;
      if (code !== undefined) throw new Error(`the tool ended with ${code} without waiting for the lock`);
    }
    throw new Error('the tool never waited for the lock');
  } finally {
    await watcher.end();
  }
}

/** Repeats a statement until told to stop. @returns the longest it took, ms */
async function longest(statement: () => Promise<unknown>, over: () => boolean): Promise<number> {
  let most = 0;
  while (!over()) {
    const began = performance.now();
    await statement();
    most = Math.max(most, performance.now() - began);
    await sleep(5);
  }
  return most;
}
