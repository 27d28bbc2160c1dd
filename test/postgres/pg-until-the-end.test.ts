/** The server goes on with a transaction whose client is gone, whatever the role or database says otherwise. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { connectDataApi } from '../../lambda/postgres/data-api/database';
import { StillRunningError } from '../../lambda/postgres/database';
import { connectPg } from '../../lambda/postgres/pg';
import { startDataApi } from '../support/aws/data-api';
import { connect, createDatabase, majors } from '../support/database';

/** Sends it, cuts the socket after a moment, and says whether the work was committed. */
async function committed(url: string, work: string): Promise<boolean> {
  const db = await connectPg({ url });
  const statements = ['CREATE TABLE made (id int)', work];
  await expect(db.execute([{ statements }], { deadline: Date.now() + 1_000 })).rejects.toBeInstanceOf(
    StillRunningError,
  );
  await db.close();
  const client = await connect(url);
  for (const end = Date.now() + 60_000; Date.now() < end; await sleep(100)) {
    const { rows } = await client.query(`SELECT to_regclass('made') IS NOT NULL AS made,
      EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%TABLE made%'
        AND pid <> pg_backend_pid()) AS running`);
    if (!rows[0].running) return rows[0].made;
  }
  throw new Error('it still runs');
}

const set = async (url: string, setting: string): Promise<void> => {
  await (await connect(url)).query(`ALTER DATABASE ${new URL(url).pathname.slice(1)} SET ${setting}`);
};

describe.each(majors())('PostgreSQL %i', (major) => {
  test('a notice that nobody can read', async () => {
    const notice =
      'DO $$ BEGIN FOR i IN 1..7 LOOP PERFORM pg_sleep(0.3); RAISE WARNING $w$step %$w$, i; END LOOP; END $$';
    expect(await committed(await createDatabase(major), notice)).toBe(true);
  });

  test.runIf(major >= 14)('client_connection_check_interval', async () => {
    const url = await createDatabase(major);
    await set(url, "client_connection_check_interval = '200ms'");
    expect(await committed(url, 'SELECT pg_sleep(2.2)')).toBe(true);
  });

  test.runIf(major >= 17)('transaction_timeout', async () => {
    const url = await createDatabase(major);
    await set(url, "transaction_timeout = '400ms'");
    expect(await committed(url, 'SELECT pg_sleep(2)')).toBe(true);
    const db = await connectPg({ url });
    await db.executeOutside('SELECT pg_sleep(0.8)', {});
    await db.close();
  });

  test.runIf(major >= 17)('transaction_timeout over the Data API', async () => {
    const url = await createDatabase(major);
    await set(url, "transaction_timeout = '400ms'");
    const { hostname, port, username, password, pathname } = new URL(url);
    const endpoint = await startDataApi({
      host: hostname,
      port: Number(port),
      secret: { username, password },
    });
    const db = await connectDataApi({ ...endpoint, database: pathname.slice(1) });
    await db.execute([{ statements: ['CREATE TABLE made ()', 'SELECT pg_sleep(0.8)::text'] }]);
    await db.close();
    await endpoint.close();
  });

  test('settings for one query are gone after it, also after an error', async () => {
    const db = await connectPg({ url: await createDatabase(major) });
    const read = "SELECT current_setting('search_path') AS path, current_setting('role') AS role";
    const [before] = await db.query(read);
    const settings = { search_path: 'elsewhere', role: 'pg_monitor' };
    expect(await db.query(read, [], settings)).toEqual([{ path: 'elsewhere', role: 'pg_monitor' }]);
    await expect(db.query('SELECT 1/$1::int', [0], settings)).rejects.toMatchObject({ sqlstate: '22012' });
    await expect(db.query('SELECT 1', [], { role: 'nobody at all' })).rejects.toMatchObject({
      sqlstate: '22023',
    });
    expect(await db.query(read)).toEqual([before]);
    await db.close();
  });
});
