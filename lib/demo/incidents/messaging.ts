import assert from 'node:assert/strict';
import type { Client } from 'pg';
import { alone, asFound, type Incident, migrationsOf, together } from './incident';

const USER = '4a4c2d51-8f6e-4c0b-9f0a-7d6f1e2b0001';

interface Answer {
  readonly success: boolean;
  readonly lead_id?: string;
  readonly conversation_id?: string;
  readonly error?: string;
}

async function create(
  client: Client,
  phone: string,
  type: string,
  user: string | null = USER,
): Promise<Answer> {
  const { rows } = await client.query('SELECT create_lead_with_conversation($1, $2, $3, $4, $5) AS answer', [
    user,
    phone,
    'Jo Customer',
    type,
    'wants to know more',
  ]);
  return rows[0].answer;
}

/** How many rows a phone number has: conversations, leads, and leads that belong to such a conversation. */
async function rowsOf(client: Client, phone: string): Promise<number[]> {
  const { rows } = await client.query({
    text: `SELECT (SELECT count(*)::int FROM conversations WHERE customer_phone = $1),
             (SELECT count(*)::int FROM leads WHERE customer_phone = $1),
             (SELECT count(DISTINCT c.id)::int FROM leads l JOIN conversations c ON c.id = l.conversation_id
              WHERE l.customer_phone = $1)`,
    values: [phone],
    rowMode: 'array',
  });
  return rows[0] as number[];
}

export const messaging: Incident = {
  id: 'messaging',
  title: 'Conversations without leads: two requests where one transaction was needed',
  database: 'messaging',
  folder: migrationsOf('messaging'),
  seed: async (client) => {
    await client.query(asFound('messaging'));
    await client.query(
      `WITH c AS (
         INSERT INTO conversations (user_id, customer_phone, customer_name)
         SELECT $1, '+4870000' || lpad(n::text, 4, '0'), 'Customer ' || n FROM generate_series(1, 30) n
         RETURNING id, customer_phone, customer_name)
       INSERT INTO leads (user_id, conversation_id, customer_phone, customer_name, type)
       SELECT $1, id, customer_phone, customer_name, 'order' FROM c WHERE right(customer_phone, 1) <> '7'`,
      [USER],
    );
  },
  failing: [
    {
      what: 'the application asks for a lead and its conversation in one call',
      sql: `SELECT create_lead_with_conversation($1::uuid, '+1234567890', 'John Doe', 'order', 'Wants to place an order')`,
      params: [USER],
      sqlstate: '42883',
      words:
        'function create_lead_with_conversation(uuid, unknown, unknown, unknown, unknown) does not exist',
    },
  ],
  byHand: [],
  behaviours: [
    {
      what: 'A lead and its conversation are created together, with the defaults of the document',
      holds: (connect) =>
        alone(connect, async (client) => {
          const answer = await create(client, '+15550000001', 'order');
          assert.equal(answer.success, true);
          const { rows } = await client.query(
            `SELECT l.status AS lead, c.status AS conversation FROM leads l JOIN conversations c ON c.id = l.conversation_id
             WHERE l.id = $1 AND c.id = $2`,
            [answer.lead_id, answer.conversation_id],
          );
          assert.deepEqual(rows, [{ lead: 'new', conversation: 'active' }]);
        }),
    },
    {
      what: 'A constraint violation is answered with success: false, leaves nothing, and the transaction goes on',
      holds: (connect) =>
        alone(connect, async (client) => {
          await client.query('BEGIN');
          const wrongType = await create(client, '+15550000002', 'invalid_type');
          const wrongPhone = await create(client, 'call me', 'order');
          const nobody = await create(client, '+15550000003', 'order', null);
          await client.query('COMMIT');
          for (const answer of [wrongType, wrongPhone, nobody]) {
            assert.equal(answer.success, false);
            assert.match(answer.error ?? '', /violates/);
          }
          for (const phone of ['+15550000002', 'call me', '+15550000003']) {
            assert.deepEqual(await rowsOf(client, phone), [0, 0, 0]);
          }
        }),
    },
    {
      what: 'Twelve calls at once, every third of them wrong: each lead with a conversation of its own, no orphan',
      holds: async (connect) => {
        const phone = '+15550000004';
        const answers = await together(connect, 12, (client, i) =>
          create(client, phone, i % 3 ? 'order' : 'invalid_type'),
        );
        assert.equal(answers.filter((answer) => answer.success).length, 8);
        assert.deepEqual(await alone(connect, (client) => rowsOf(client, phone)), [8, 8, 8]);
      },
    },
  ],
};
