/** Who holds the locks that a migration waits for is named, wherever the lock is. */
import { Client } from 'pg';
import { describe, expect, test } from 'vitest';
import { findBlockers } from '../../../lambda/engine/locks/blockers';
import { connectPg } from '../../../lambda/postgres/pg';
import { startPostgres } from '../../../lib/scratch-postgres/server';
import { connect, createDatabase, majors, newestMajor } from '../../support/database';

const PARTITIONED = 'CREATE TABLE p (id int) PARTITION BY LIST (id)';
const partition = (n: number): string => `CREATE TABLE p${n} PARTITION OF p FOR VALUES IN (${n})`;

describe.each(majors())('PostgreSQL %i', (major) => {
  test('readers of partitions, one line each', async () => {
    const url = await createDatabase(major);
    const client = await connect(url);
    await client.query([PARTITIONED, partition(0), partition(1)].join(';'));
    const readers = [await connect(url), await connect(url)];
    const pids: number[] = [];
    for (const reader of readers) {
      await reader.query('BEGIN');
      pids.push((await reader.query('SELECT pg_backend_pid() AS pid')).rows[0].pid);
    }
    await readers[0]!.query('SELECT FROM p0');
    await readers[1]!.query('SELECT FROM p');
    const db = await connectPg({ url });
    const wanted = [{ relation: 'p', mode: 'ACCESS EXCLUSIVE' }] as const;
    const lines = (await findBlockers(db, wanted)).map(({ words }) => words);
    expect(lines.sort((a, b) => a.length - b.length)).toEqual([
      expect.stringMatching(`^pid ${pids[0]} .* holds AccessShareLock on p0$`),
      expect.stringMatching(`^pid ${pids[1]} .* holds AccessShareLock on p and 2 more$`),
    ]);
    for (const reader of readers) await reader.query('ROLLBACK');
    expect(await findBlockers(db, wanted)).toEqual([]);
    expect(await findBlockers(db, [{ relation: 'nowhere', mode: 'ACCESS EXCLUSIVE' }])).toEqual([]);
    await db.close();
  });
});

test('a prepared transaction, which has no session', async () => {
  const server = await startPostgres({ major: newestMajor(), settings: { max_prepared_transactions: '2' } });
  const client = new Client({ connectionString: server.url() });
  const db = await connectPg({ url: server.url() });
  try {
    await client.connect();
    await client.query('CREATE TABLE t ()');
    await client.query("BEGIN; LOCK TABLE t IN SHARE MODE; PREPARE TRANSACTION 'left over'");
    expect(
      (await findBlockers(db, [{ relation: 't', mode: 'ROW EXCLUSIVE' }])).map(({ words }) => words),
    ).toEqual([
      expect.stringMatching(
        /^the prepared transaction 'left over' \(user \w+, prepared \d s ago\) holds ShareLock on t; /,
      ),
    ]);
    await client.query("ROLLBACK PREPARED 'left over'");
    expect(await findBlockers(db, [{ relation: 't', mode: 'ROW EXCLUSIVE' }])).toEqual([]);
  } finally {
    await db.close();
    await client.end();
    await server.stop();
  }
});
