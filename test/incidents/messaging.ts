import assert from 'node:assert/strict';
import type { Client } from 'pg';
import {
  callConcurrently,
  findMigrationsFolder,
  type Incident,
  readFoundSchema,
  withClient,
} from './incident';

const USER_ID = '4a4c2d51-8f6e-4c0b-9f0a-7d6f1e2b0001';

interface ConversationResult {
  readonly success: boolean;
  readonly lead_id?: string;
  readonly conversation_id?: string;
  readonly error?: string;
}

async function createConversation(
  client: Client,
  phone: string,
  type: string,
  user: string | null = USER_ID,
): Promise<ConversationResult> {
  const { rows } = await client.query('SELECT create_lead_with_conversation($1, $2, $3, $4, $5) AS answer', [
    user,
    phone,
    'Jo Customer',
    type,
    'wants to know more',
  ]);
  return rows[0].answer;
}

/** Counts the rows of a phone number: conversations, leads, and conversations with one of these leads. */
async function countRows(client: Client, phone: string): Promise<number[]> {
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
  folder: findMigrationsFolder('messaging'),
  seed: async (client) => {
    await client.query(readFoundSchema('messaging'));
    await client.query(
      `WITH c AS (
         INSERT INTO conversations (user_id, customer_phone, customer_name)
         SELECT $1, '+4870000' || lpad(n::text, 4, '0'), 'Customer ' || n FROM generate_series(1, 30) n
         RETURNING id, customer_phone, customer_name)
       INSERT INTO leads (user_id, conversation_id, customer_phone, customer_name, type)
       SELECT $1, id, customer_phone, customer_name, 'order' FROM c WHERE right(customer_phone, 1) <> '7'`,
      [USER_ID],
    );
  },
  failing: [
    {
      what: 'the application creates a lead and its conversation in one call',
      sql: `SELECT create_lead_with_conversation($1::uuid, '+1234567890', 'John Doe', 'order', 'Wants to place an order')`,
      params: [USER_ID],
      sqlstate: '42883',
      words:
        'function create_lead_with_conversation(uuid, unknown, unknown, unknown, unknown) does not exist',
    },
  ],
  byHand: [],
  behaviors: [
    {
      what: 'A lead and its conversation are created together, with the documented defaults',
      holds: (connect) =>
        withClient(connect, async (client) => {
          const answer = await createConversation(client, '+15550000001', 'order');
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
      what: 'A constraint violation returns success: false, writes nothing, and the transaction continues',
      holds: (connect) =>
        withClient(connect, async (client) => {
          await client.query('BEGIN');
          const wrongType = await createConversation(client, '+15550000002', 'invalid_type');
          const wrongPhone = await createConversation(client, 'call me', 'order');
          const nobody = await createConversation(client, '+15550000003', 'order', null);
          await client.query('COMMIT');
          for (const answer of [wrongType, wrongPhone, nobody]) {
            assert.equal(answer.success, false);
            assert.match(answer.error ?? '', /violates/);
          }
          for (const phone of ['+15550000002', 'call me', '+15550000003']) {
            assert.deepEqual(await countRows(client, phone), [0, 0, 0]);
          }
        }),
    },
    {
      what: 'Twelve calls at once, four of them invalid: every lead has its conversation',
      holds: async (connect) => {
        const phone = '+15550000004';
        const answers = await callConcurrently(connect, 12, (client, i) =>
          createConversation(client, phone, i % 3 ? 'order' : 'invalid_type'),
        );
        assert.equal(answers.filter((answer) => answer.success).length, 8);
        assert.deepEqual(await withClient(connect, (client) => countRows(client, phone)), [8, 8, 8]);
      },
    },
  ],
};
