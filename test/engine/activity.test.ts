/** What `status` says while a run waits: asked of the server in that moment. */
import { expect, test, vi } from 'vitest';
import { readStatus } from '../../lambda/engine';
import { compileTexts } from '../support/conductor';
import { connect, createDatabase, majors } from '../support/database';
import { contextFor, run, up } from '../support/engine';

const until = (holds: () => Promise<boolean>): Promise<void> =>
  vi.waitUntil(holds, { timeout: 60_000, interval: 20 }).then(() => {});

const FILES = {
  '0001_orders': '-- migrate:no-verify a test\n-- migrate:up\nCREATE TABLE orders (id int PRIMARY KEY);\n',
};
const COLUMN = {
  ...FILES,
  '0002_note': '-- migrate:no-verify a test\n-- migrate:up\nALTER TABLE orders ADD note text;\n',
};

test.each(majors())(
  'a run that waits for a lock, and one that is between two attempts (%i)',
  async (major) => {
    const url = await createDatabase(major);
    const [before, manifest] = [await compileTexts(FILES), await compileTexts(COLUMN)];
    await up(url, before);
    const seen = () => readStatus(contextFor(url, manifest), 'app');
    expect((await seen()).activity).toBeNull();

    const holder = await connect(url);
    await holder.query('BEGIN; SELECT * FROM orders');
    const { rows } = await holder.query('SELECT pg_backend_pid() AS pid');
    const asked = { id: 'waits', namespace: 'app' };
    const running = run(url, manifest, asked, { deadline: Date.now() + 3_000 });
    await until(async () => (await seen()).activity?.runner != null);
    const { activity } = await seen();
    expect(activity).toMatchObject({
      runner: expect.stringMatching(/^pid \d+ /),
      next: '0002_note',
      locks: ['ACCESS EXCLUSIVE on orders'],
      heldBy: [
        expect.stringMatching(
          new RegExp(`^pid ${rows[0].pid} .*idle in transaction.* holds AccessShareLock on orders$`),
        ),
      ],
    });
    expect((await running).outcome.status).toBe('continue');

    expect((await seen()).activity).toMatchObject({
      runner: null,
      next: '0002_note',
      heldBy: [expect.any(String)],
    });
    await holder.query('COMMIT');
    expect((await seen()).activity).toMatchObject({ heldBy: [] });
    expect((await run(url, manifest, asked)).outcome.status).toBe('done');
    expect((await seen()).activity).toBeNull();
  },
);

test.each(majors())('a build outside a transaction took as long as it was under way (%i)', async (major) => {
  const url = await createDatabase(major);
  await up(url, await compileTexts(FILES));
  const [holder, watcher] = [await connect(url), await connect(url)];
  await holder.query('BEGIN; INSERT INTO orders VALUES (1)');
  const index = {
    '0002_index':
      '-- migrate:no-verify a test\n-- migrate:up\nCREATE INDEX CONCURRENTLY orders_id ON orders (id);\n',
  };
  const running = up(url, await compileTexts({ ...FILES, ...index }));
  await until(async () => {
    const { rowCount } = await watcher.query(
      "SELECT FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%INDEX CONCURRENTLY%' AND pid <> pg_backend_pid() AND clock_timestamp() - query_start > '0.6 s'",
    );
    return rowCount === 1;
  });
  await holder.query('COMMIT');
  await running;
  const { migrations } = await readStatus(contextFor(url, await compileTexts({ ...FILES, ...index })), 'app');
  expect(migrations[1]!.durationMs).toBeGreaterThanOrEqual(600);
});
