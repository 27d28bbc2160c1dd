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

const STUDENT = 'b7a1d2c4-0d55-4b0e-9d8a-2f6d7f1c0001';
const COURSE = '3f2c9e58-7a90-4a51-8c44-91a5c1ee0001';

let lastNumber = 0;
/** Creates the ids of an unused student and course. */
const createPair = (): [string, string] => {
  const n = String(++lastNumber).padStart(12, '0');
  return [`b7a1d2c4-0000-4000-8000-${n}`, `3f2c9e58-0000-4000-8000-${n}`];
};

interface PurchaseRecord {
  readonly purchase_id: string;
  readonly created: boolean;
}

async function recordPurchase(
  client: Client,
  pair: readonly string[],
  payment: string,
): Promise<PurchaseRecord> {
  const { rows } = await client.query('SELECT * FROM record_purchase($1, $2, $3)', [...pair, payment]);
  return rows[0];
}

async function countActivePurchases(client: Client, pair: readonly string[]): Promise<number> {
  const { rows } = await client.query(
    'SELECT count(*)::int AS n FROM student_course_purchases WHERE student_id = $1 AND course_id = $2 AND is_active',
    [...pair],
  );
  return rows[0].n;
}

/** Records the same payment event in twelve workers at the same moment. */
export async function recordConcurrently(connect: ConnectClient): Promise<void> {
  const pair = createPair();
  const answers = await callConcurrently(connect, 12, (client) =>
    recordPurchase(client, pair, 'pay_at_once'),
  );
  assert.equal(new Set(answers.map((answer) => answer.purchase_id)).size, 1);
  assert.equal(answers.filter((answer) => answer.created).length, 1);
  assert.equal(await withClient(connect, (client) => countActivePurchases(client, pair)), 1);
}

/** Records a purchase twice in one transaction, which can continue after the first: no 25P02. */
export async function recordTwice(connect: ConnectClient): Promise<void> {
  const pair = createPair();
  await withClient(connect, async (client) => {
    await client.query('BEGIN');
    const first = await recordPurchase(client, pair, 'pay_twice');
    const second = await recordPurchase(client, pair, 'pay_twice');
    await client.query('COMMIT');
    assert.deepEqual([first.created, second.created], [true, false]);
    assert.equal(second.purchase_id, first.purchase_id);
    assert.equal(await countActivePurchases(client, pair), 1);
  });
}

export const courses: Incident = {
  id: 'courses',
  title: 'Paid courses never appear: ON CONFLICT finds no unique index',
  database: 'courses',
  folder: findMigrationsFolder('courses'),
  seed: async (client) => {
    await client.query(readFoundSchema('courses'));
    await client.query(
      `INSERT INTO student_course_purchases (student_id, course_id, payment_id, is_active)
       SELECT gen_random_uuid(), gen_random_uuid(), 'pay_' || n, n % 5 > 0 FROM generate_series(1, 200) n`,
    );
    // A payment that was recorded three times because no constraint prevented it.
    await client.query(
      `INSERT INTO student_course_purchases (student_id, course_id, payment_id, purchased_at)
       SELECT $1, $2, 'pay_0', now() - n * interval '1 minute' FROM generate_series(1, 3) n`,
      [STUDENT, COURSE],
    );
  },
  failing: [
    {
      what: 'the worker records a payment',
      sql: `INSERT INTO student_course_purchases (student_id, course_id, payment_id)
VALUES ($1, $2, $3)
ON CONFLICT (student_id, course_id) DO NOTHING`,
      params: ['b7a1d2c4-0d55-4b0e-9d8a-2f6d7f1c0002', COURSE, 'pay_201'],
      sqlstate: '42P10',
      words: 'there is no unique or exclusion constraint matching the ON CONFLICT specification',
      afterRepair: {
        sql: `INSERT INTO student_course_purchases (student_id, course_id, payment_id)
VALUES ($1, $2, $3)
ON CONFLICT (student_id, course_id) WHERE is_active DO NOTHING`,
        why: "the index is partial, so the application's statement must name its predicate; the index is not enough",
      },
    },
    {
      what: 'the worker continues in the same transaction',
      sql: 'SELECT count(*) FROM student_course_purchases WHERE student_id = $1',
      params: ['b7a1d2c4-0d55-4b0e-9d8a-2f6d7f1c0002'],
      sqlstate: '25P02',
      words: 'current transaction is aborted, commands ignored until end of transaction block',
      sameTransaction: true,
    },
  ],
  byHand: [
    {
      what: 'of the duplicate purchases that the preflight section reports, the oldest stays active',
      sql: `UPDATE student_course_purchases p SET is_active = false
WHERE is_active AND EXISTS (
  SELECT FROM student_course_purchases q
  WHERE (q.student_id, q.course_id, q.is_active) = (p.student_id, p.course_id, true)
    AND (q.purchased_at, q.id) < (p.purchased_at, p.id))`,
    },
  ],
  behaviors: [
    { what: 'The same payment twice in one transaction creates one active purchase', holds: recordTwice },
    { what: 'The same payment twelve times at once creates one active purchase', holds: recordConcurrently },
    {
      what: 'A course that was ended can be bought again',
      holds: (connect) =>
        withClient(connect, async (client) => {
          const pair = createPair();
          const first = await recordPurchase(client, pair, 'pay_old');
          const end = 'UPDATE student_course_purchases SET is_active = false WHERE id = $1';
          await client.query(end, [first.purchase_id]);
          const second = await recordPurchase(client, pair, 'pay_new');
          assert.equal(second.created, true);
          assert.notEqual(second.purchase_id, first.purchase_id);
        }),
    },
    {
      what: 'ON CONFLICT works with the predicate, and is still refused without it',
      holds: (connect) =>
        withClient(connect, async (client) => {
          const insert = `INSERT INTO student_course_purchases (student_id, course_id) VALUES ($1, $2)
            ON CONFLICT (student_id, course_id)`;
          const pair = createPair();
          for (const predicate of ['WHERE is_active', 'WHERE is_active = true']) {
            assert.equal(await findSqlState(client, `${insert} ${predicate} DO NOTHING`, pair), undefined);
          }
          for (const predicate of ['', 'WHERE is_active IS TRUE']) {
            assert.equal(await findSqlState(client, `${insert} ${predicate} DO NOTHING`, pair), '42P10');
          }
          assert.equal(await countActivePurchases(client, pair), 1);
        }),
    },
  ],
};
