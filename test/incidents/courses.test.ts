/** record_purchase() while its index is missing, INVALID or being built, and under other isolation levels. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Client } from 'pg';
import { describe, expect, it, vi } from 'vitest';
import { majors } from '../support/database';
import { recordConcurrently, recordTwice } from './courses';
import { callConcurrently, courses } from './index';
import { IncidentDatabase, repaired } from './support';

const STUDENT = 'c0c0c0c0-0000-4000-8000-000000000001';
const RECORD = 'SELECT * FROM record_purchase($1, $2)';
const WARNING =
  'student_course_purchases has no valid unique index on (student_id, course_id) WHERE is_active';

const course = (n: number): string => `d0d0d0d0-0000-4000-8000-${String(n).padStart(12, '0')}`;

const active = async (database: IncidentDatabase, n: number): Promise<number> =>
  (
    await database.column<number>(
      'SELECT count(*)::int FROM student_course_purchases WHERE student_id = $1 AND course_id = $2 AND is_active',
      [STUDENT, course(n)],
    )
  )[0]!;

/** Messages of a level that the call writes. */
async function warnings(client: Client, call: () => Promise<unknown>): Promise<string[]> {
  const heard: string[] = [];
  const listen = (notice: { severity?: string; message?: string }) =>
    heard.push(`${notice.severity}: ${notice.message}`);
  client.on('notice', listen);
  await call();
  client.off('notice', listen);
  return heard;
}

/** The example of docs/incidents.md, as it stands there. */
function exampleOfTheDocs(): (client: Pick<Client, 'query'>) => Promise<boolean> {
  const page = readFileSync(join(__dirname, '../../docs/incidents.md'), 'utf8');
  const [, code] = /^```js\n([\s\S]*?)^```$/m.exec(page) ?? [];
  return new Function(`${code}; return hasIndex`)();
}

describe.each(majors())('record_purchase() on PostgreSQL %i', (major) => {
  it('falls back with a warning while there is no index, and goes back to ON CONFLICT by itself', async () => {
    const database = await repaired(courses, major);
    const { client } = database;
    expect(await warnings(client, () => client.query(RECORD, [STUDENT, course(1)]))).toEqual([]);
    await client.query('DROP INDEX unique_active_purchase');
    expect(await warnings(client, () => client.query(RECORD, [STUDENT, course(2)]))).toEqual([
      `WARNING: ${WARNING}`,
    ]);
    await recordTwice(database.connect);
    await recordConcurrently(database.connect);
    expect(await database.findings()).toMatchObject([
      { migration: '0002_one_active_purchase' },
      { migration: '0002_one_active_purchase' },
    ]);
    await client.query(
      'CREATE UNIQUE INDEX other_name ON student_course_purchases (student_id, course_id) WHERE is_active = true',
    );
    expect(await warnings(client, () => client.query(RECORD, [STUDENT, course(2)]))).toEqual([]);
    expect(await database.findings()).toEqual([]);
    expect(await active(database, 2)).toBe(1);
  });

  it('can be had from its file while the deployment stops at duplicates, and is deployed later all the same', async () => {
    const database = await IncidentDatabase.create(courses, major);
    const { client } = database;
    expect(await database.deploy()).toMatchObject({ error: { migration: '0002_one_active_purchase' } });
    await expect(client.query(RECORD, [STUDENT, course(1)])).rejects.toMatchObject({ code: '42883' });
    const file = join(courses.folder, 'R__record_purchase.sql');
    await client.query(readFileSync(file, 'utf8'));
    expect(await warnings(client, () => client.query(RECORD, [STUDENT, course(1)]))).toEqual([
      `WARNING: ${WARNING}`,
    ]);
    await recordTwice(database.connect);
    await recordConcurrently(database.connect);
    await database.repairByHand();
    await database.repair();
    expect(await database.findings()).toEqual([]);
    expect(await active(database, 1)).toBe(1);
  });

  it('a client that asks for the index, as the documentation shows it, asks once in five minutes', async () => {
    const { client } = await repaired(courses, major);
    const asked = vi.spyOn(client, 'query');
    const now = vi.spyOn(Date, 'now').mockReturnValue(0);
    try {
      const hasIndex = exampleOfTheDocs();
      expect(await hasIndex(client)).toBe(true);
      await client.query('DROP INDEX unique_active_purchase');
      now.mockReturnValue(5 * 60_000 - 1);
      expect([await hasIndex(client), asked.mock.calls.length]).toEqual([true, 2]);
      now.mockReturnValue(5 * 60_000);
      expect([await hasIndex(client), asked.mock.calls.length]).toEqual([false, 3]);
      expect([await hasIndex(client), asked.mock.calls.length]).toEqual([false, 3]);
    } finally {
      vi.restoreAllMocks();
    }
  });

  it('falls back beside an INVALID index, which refuses duplicates by itself', async () => {
    const database = await repaired(courses, major);
    const { client } = database;
    await client.query('DROP INDEX unique_active_purchase');
    const twice = 'INSERT INTO student_course_purchases (student_id, course_id) VALUES ($1, $2)';
    await client.query(twice, [STUDENT, course(1)]);
    await client.query(twice, [STUDENT, course(1)]);
    await expect(
      client.query(
        'CREATE UNIQUE INDEX CONCURRENTLY left_over ON student_course_purchases (student_id, course_id) WHERE is_active',
      ),
    ).rejects.toThrow('could not create unique index');
    await recordTwice(database.connect);
    await recordConcurrently(database.connect);
    const { rows } = await client.query(RECORD, [STUDENT, course(1)]);
    expect(rows[0].created).toBe(false);
    expect(await active(database, 1)).toBe(2);
  });

  it('does not take every unique violation for a second purchase', async () => {
    const { client } = await repaired(courses, major);
    await client.query(`INSERT INTO student_course_purchases (student_id, course_id, payment_id)
      VALUES ('${STUDENT}', '${course(2)}', 'used');
      CREATE UNIQUE INDEX ON student_course_purchases (payment_id) WHERE payment_id = 'used'`);
    const pay = 'SELECT * FROM record_purchase($1, $2, $3)';
    for (const change of ['SELECT 1', 'DROP INDEX unique_active_purchase']) {
      await client.query(change);
      await expect(client.query(pay, [STUDENT, course(1), 'used'])).rejects.toMatchObject({ code: '23505' });
    }
  });

  it('does not wait for ever for a purchase that a policy hides', async () => {
    const { client } = await repaired(courses, major);
    const role = `worker_${randomUUID().replaceAll('-', '')}`;
    await client.query(`CREATE ROLE ${role}; GRANT ALL ON student_course_purchases TO ${role};
      INSERT INTO student_course_purchases (student_id, course_id, payment_id) VALUES ('${STUDENT}', '${course(1)}', 'hidden');
      ALTER TABLE student_course_purchases ENABLE ROW LEVEL SECURITY;
      CREATE POLICY not_hidden ON student_course_purchases USING (payment_id <> 'hidden')`);
    await client.query(`SET ROLE ${role}`);
    const record = client.query('SELECT * FROM record_purchase($1, $2, $3)', [STUDENT, course(1), 'seen']);
    await expect(record).rejects.toMatchObject({ code: '23505' });
    await client.query(`RESET ROLE; DROP OWNED BY ${role}; DROP ROLE ${role}`);
  });

  it('keeps one active purchase while the index is being built under it', async () => {
    const database = await repaired(courses, major);
    await database.client.query('DROP INDEX unique_active_purchase');
    let building = true;
    const build = database.client
      .query(
        'CREATE UNIQUE INDEX CONCURRENTLY again ON student_course_purchases (student_id, course_id) WHERE is_active',
      )
      .finally(() => {
        building = false;
      });
    let calls = 0;
    await callConcurrently(database.connect, 6, async (client) => {
      for (let n = 100; building || n < 120; n++) {
        await client.query(RECORD, [STUDENT, course(n)]);
        calls++;
      }
    });
    await build;
    expect(calls).toBeGreaterThanOrEqual(120);
    expect(
      await database.column(
        'SELECT student_id FROM student_course_purchases WHERE is_active GROUP BY student_id, course_id HAVING count(*) > 1',
      ),
    ).toEqual([]);
  });

  it('refuses REPEATABLE READ without the index, and is safe under SERIALIZABLE', async () => {
    const database = await repaired(courses, major);
    const under = async (client: Client, level: string, n: number): Promise<string> => {
      await client.query(`BEGIN ISOLATION LEVEL ${level}`);
      try {
        await client.query(RECORD, [STUDENT, course(n)]);
        await client.query('COMMIT');
        return 'done';
      } catch (error) {
        await client.query('ROLLBACK');
        return (error as { code: string }).code;
      }
    };
    expect(await under(database.client, 'REPEATABLE READ', 1)).toBe('done');
    await database.client.query('DROP INDEX unique_active_purchase');
    expect(await under(database.client, 'REPEATABLE READ', 2)).toBe('0A000');
    const answers = await callConcurrently(database.connect, 6, (client) => under(client, 'SERIALIZABLE', 3));
    expect(answers).toContain('done');
    for (const answer of answers) expect(['done', '40001']).toContain(answer);
    expect(await active(database, 3)).toBe(1);
  });
});
