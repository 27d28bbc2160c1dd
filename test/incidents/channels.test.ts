/** Linking sessions to leads where things go wrong at the same moment. */
import type { Client } from 'pg';
import { describe, expect, it } from 'vitest';
import { majors } from '../support/database';
import { callConcurrently, channels, withClient } from './index';
import { type IncidentDatabase, repaired } from './support';

const CHANNELS = ['web', 'whatsapp', 'voice', 'social'] as const;
const UPDATE = 'SELECT update_session_profile($1, $2, p_email => $3, p_phone => $4) AS lead';

async function session(client: Client, channel: string): Promise<string> {
  return (await client.query(`INSERT INTO ${channel}_sessions DEFAULT VALUES RETURNING id`)).rows[0].id;
}

const leadsOf = (database: IncidentDatabase, email: string) =>
  database.column<string>('SELECT id FROM all_leads WHERE lower(email) = $1', [email]);

describe.each(majors())('update_session_profile() on PostgreSQL %i', (major) => {
  it('links one session once, however many calls arrive at once', async () => {
    const database = await repaired(channels, major);
    for (const channel of CHANNELS) {
      const id = await session(database.client, channel);
      const email = `${channel}@example.com`;
      const answers = await callConcurrently(database.connect, 6, (client) =>
        client.query(UPDATE, [channel, id, email, null]),
      );
      expect(new Set(answers.map(({ rows }) => rows[0].lead))).toEqual(
        new Set(await leadsOf(database, email)),
      );
    }
  });

  it('joins what e-mail and phone say of one customer, without overwriting and without deadlock', async () => {
    const database = await repaired(channels, major);
    // Every call knows another part: only the e-mail, only the phone, or both.
    const known = [
      ['both@example.com', null],
      [null, '+49 30 1234567'],
      ['BOTH@example.com', '+49301234567'],
    ];
    // The call that knows both goes first here, so that all the others have to find its lead.
    await withClient(database.connect, async (client) =>
      client.query(UPDATE, ['web', await session(client, 'web'), ...known[2]!]),
    );
    const answers = await callConcurrently(database.connect, 12, async (client, i) => {
      const channel = CHANNELS[i % 4]!;
      const { rows } = await client.query(UPDATE, [
        channel,
        await session(client, channel),
        ...known[i % 3]!,
      ]);
      return rows[0].lead as string;
    });
    expect(new Set(answers).size).toBe(1);
    expect(await database.column('SELECT email || phone FROM all_leads WHERE id = $1', [answers[0]])).toEqual(
      ['BOTH@example.com+49301234567'],
    );
  });

  it('lets the e-mail decide where e-mail and phone lead to different leads', async () => {
    const { client } = await repaired(channels, major);
    const { rows } = await client.query(UPDATE, [
      'web',
      await session(client, 'web'),
      'customer1@example.com',
      '+48600000002',
    ]);
    const lead = await client.query('SELECT email, phone FROM all_leads WHERE id = $1', [rows[0].lead]);
    expect(lead.rows).toEqual([{ email: 'customer1@example.com', phone: '+48600000001' }]);
  });

  it('makes a new lead where the old one is deleted at that moment', async () => {
    const database = await repaired(channels, major);
    const [old] = await leadsOf(database, 'customer5@example.com');
    const deleting = await database.connect();
    await deleting.query('BEGIN');
    await deleting.query('DELETE FROM all_leads WHERE id = $1', [old]);
    const id = await session(database.client, 'voice');
    const linking = database.client.query(UPDATE, ['voice', id, 'customer5@example.com', null]);
    await new Promise((resolve) => setTimeout(resolve, 100));
    await deleting.query('COMMIT');
    await deleting.end();
    const { rows } = await linking;
    expect(rows[0].lead).not.toBe(old);
    expect(await database.column('SELECT lead_id FROM voice_sessions WHERE id = $1', [id])).toEqual([
      rows[0].lead,
    ]);
  });

  it('refuses REPEATABLE READ, and makes one lead under SERIALIZABLE', async () => {
    const database = await repaired(channels, major);
    const answers = await callConcurrently(database.connect, 6, async (client, i) => {
      const id = await session(client, 'web');
      const level = i === 0 ? 'REPEATABLE READ' : 'SERIALIZABLE';
      await client.query(`BEGIN ISOLATION LEVEL ${level}`);
      try {
        await client.query(UPDATE, ['web', id, 'isolated@example.com', null]);
        await client.query('COMMIT');
        return 'done';
      } catch (error) {
        await client.query('ROLLBACK');
        return (error as { code: string }).code;
      }
    });
    expect(answers[0]).toBe('0A000');
    expect(answers.slice(1)).toContain('done');
    for (const answer of answers.slice(1)) expect(['done', '40001']).toContain(answer);
    expect(await leadsOf(database, 'isolated@example.com')).toHaveLength(1);
  });

  it('uses the indexes of 0003 to find a lead', async () => {
    const { client } = await repaired(channels, major);
    await client.query('SET enable_seqscan = off');
    for (const [condition, index] of [
      [`lower(btrim(l.email)) = 'a'`, 'all_leads_email_key'],
      [`ltrim(regexp_replace(l.phone, '[^0-9]', '', 'g'), '0') = '1'`, 'all_leads_phone_key'],
    ]) {
      const { rows } = await client.query(`EXPLAIN SELECT id FROM all_leads l WHERE ${condition}`);
      expect(JSON.stringify(rows)).toContain(index);
      const body = await client.query(`SELECT prosrc FROM pg_proc WHERE proname = 'ensure_all_leads'`);
      expect(body.rows[0].prosrc).toContain(condition!.split(' = ')[0]);
    }
  });
});
