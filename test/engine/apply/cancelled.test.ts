/** A statement that somebody cancels is told from one that held a lock for too long. */
import { expect, test } from 'vitest';
import { compile, file } from '../../compiler/support';
import { connect, createDatabase, majors } from '../../support/database';
import { run } from '../../support/engine';
import { untilRow } from '../../support/watching';

test.each(majors())('by hand, in a transaction (PostgreSQL %i)', async (major) => {
  const url = await createDatabase(major);
  const running = run(url, await compile({ '0001_slow.sql': file('SELECT pg_sleep(15)') }));
  const client = await connect(url);
  await untilRow(
    client,
    `SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
       AND wait_event = 'PgSleep'`,
  );
  expect((await running).outcome).toMatchObject({
    status: 'failed',
    error: {
      sqlstate: '57014',
      remedy:
        'Another session cancelled it (pg_cancel_backend). Deploy again. Nothing of this migration was applied.',
    },
  });
});
