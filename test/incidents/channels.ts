import assert from 'node:assert/strict';
import type { Client } from 'pg';
import {
  type ConnectClient,
  callConcurrently,
  findMigrationsFolder,
  findSqlState,
  type Incident,
  readFoundSchema,
  withClient,
} from './incident';

const CHANNELS = ['web', 'whatsapp', 'voice', 'social'] as const;
type Channel = (typeof CHANNELS)[number];

async function startSession(client: Client, channel: Channel): Promise<string> {
  const { rows } = await client.query(`INSERT INTO ${channel}_sessions DEFAULT VALUES RETURNING id`);
  return rows[0].id;
}

async function updateProfile(
  client: Client,
  channel: Channel,
  session: string,
  profile: { name?: string; email?: string; phone?: string },
): Promise<string | null> {
  const { rows } = await client.query('SELECT update_session_profile($1, $2, $3, $4, $5) AS lead', [
    channel,
    session,
    profile.name,
    profile.email,
    profile.phone,
  ]);
  return rows[0].lead;
}

async function findLead(client: Client, channel: Channel, session: string): Promise<string | null> {
  const { rows } = await client.query(`SELECT lead_id FROM ${channel}_sessions WHERE id = $1`, [session]);
  return rows[0].lead_id;
}

const countLeads = async (client: Client, email: string): Promise<number> =>
  (await client.query('SELECT count(*)::int AS n FROM all_leads WHERE lower(email) = $1', [email])).rows[0].n;

/** Starts two sessions per channel, all for the same customer, and updates each twice at the same moment. */
async function linkConcurrently(connect: ConnectClient): Promise<void> {
  const email = 'at.once@example.com';
  const spellings = [email, 'At.Once@Example.com', ' AT.ONCE@EXAMPLE.COM ', 'at.once@EXAMPLE.com'];
  const leads = await callConcurrently(connect, 16, async (client, i) => {
    const channel = CHANNELS[i % 4]!;
    const session = await startSession(client, channel);
    const profile = {
      email: spellings[Math.floor(i / 4)]!,
      phone: i % 2 ? '+48 600 111 222' : '0048600111222',
    };
    const first = await updateProfile(client, channel, session, profile);
    const second = await updateProfile(client, channel, session, profile);
    assert.equal(second, first);
    assert.equal(await findLead(client, channel, session), first);
    return first;
  });
  assert.equal(new Set(leads).size, 1);
  assert.notEqual(leads[0], null);
  assert.equal(await withClient(connect, (client) => countLeads(client, email)), 1);
}

export const channels: Incident = {
  id: 'channels',
  title: 'No chat can start: a session requires a lead that does not exist yet',
  database: 'channels',
  folder: findMigrationsFolder('channels'),
  seed: async (client) => {
    await client.query(readFoundSchema('channels'));
    await client.query(
      `INSERT INTO all_leads (name, email, phone)
       SELECT 'Customer ' || n, 'customer' || n || '@example.com', '+4860000' || lpad(n::text, 4, '0')
       FROM generate_series(1, 40) n`,
    );
    for (const channel of CHANNELS) {
      await client.query(
        `INSERT INTO ${channel}_sessions (lead_id, customer_name, customer_email, customer_phone)
         SELECT id, name, email, phone FROM all_leads`,
      );
    }
  },
  failing: CHANNELS.map((channel) => ({
    what: `a ${channel} chat starts`,
    sql: `INSERT INTO ${channel}_sessions DEFAULT VALUES`,
    sqlstate: '23502',
    words: `null value in column "lead_id" of relation "${channel}_sessions" violates not-null constraint`,
  })),
  byHand: [],
  behaviors: [
    {
      what: 'A session starts without a lead, a name does not link it, and an email or a phone number does',
      holds: (connect) =>
        withClient(connect, async (client) => {
          for (const channel of CHANNELS) {
            const session = await startSession(client, channel);
            assert.equal(await updateProfile(client, channel, session, { name: 'Ada' }), null);
            assert.equal(await findLead(client, channel, session), null);
            const lead = await updateProfile(client, channel, session, {
              email: `ada.${channel}@example.com`,
            });
            assert.notEqual(lead, null);
            assert.equal(await findLead(client, channel, session), lead);
            const { rows } = await client.query('SELECT name, email, phone FROM all_leads WHERE id = $1', [
              lead,
            ]);
            assert.deepEqual(rows, [{ name: 'Ada', email: `ada.${channel}@example.com`, phone: null }]);
          }
        }),
    },
    {
      what: 'One customer is one lead in all four channels, regardless of the spelling of email and phone',
      holds: (connect) =>
        withClient(connect, async (client) => {
          const told = [
            { email: 'Grace@Example.com', phone: '+48 600 999 888' },
            { email: ' grace@example.COM' },
            { phone: '0048 600-999-888' },
            { name: 'Grace', phone: '(48) 600 999 888' },
          ];
          const leads: (string | null)[] = [];
          for (const [i, channel] of CHANNELS.entries()) {
            leads.push(await updateProfile(client, channel, await startSession(client, channel), told[i]!));
          }
          assert.equal(new Set(leads).size, 1);
          const { rows } = await client.query('SELECT name, email FROM all_leads WHERE id = $1', [leads[0]]);
          assert.deepEqual(rows, [{ name: 'Grace', email: 'Grace@Example.com' }]);
        }),
    },
    {
      what: 'Sixteen concurrent sessions of one customer in four channels create one lead',
      holds: linkConcurrently,
    },
    {
      what: 'A session whose lead is deleted has none, and gets one again with the next profile',
      holds: (connect) =>
        withClient(connect, async (client) => {
          const session = await startSession(client, 'voice');
          const lead = await updateProfile(client, 'voice', session, { phone: '+48 600 777 666' });
          await client.query('DELETE FROM all_leads WHERE id = $1', [lead]);
          assert.equal(await findLead(client, 'voice', session), null);
          const again = await updateProfile(client, 'voice', session, {});
          assert.notEqual(again, null);
          assert.notEqual(again, lead);
        }),
    },
    {
      what: 'An unknown channel or session is rejected, and nothing is written',
      holds: (connect) =>
        withClient(connect, async (client) => {
          const nobody = '00000000-0000-4000-8000-000000000000';
          const call = 'SELECT update_session_profile($1, $2, p_email => $3)';
          assert.equal(await findSqlState(client, call, ['fax', nobody, 'no@example.com']), '22023');
          assert.equal(await findSqlState(client, call, ['web', nobody, 'no@example.com']), 'P0002');
          assert.equal(await countLeads(client, 'no@example.com'), 0);
        }),
    },
  ],
};
