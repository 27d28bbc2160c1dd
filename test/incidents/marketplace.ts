import assert from 'node:assert/strict';
import { findMigrationsFolder, type Incident, readFoundSchema, withClient } from './incident';

const OLD_PURCHASE = '5f0c7a52-6f0b-4d0a-8a55-0c2f5c2d9a01';

export const marketplace: Incident = {
  id: 'marketplace',
  title: 'Purchases fail: the id lost its default in the move to RDS',
  database: 'marketplace',
  folder: findMigrationsFolder('marketplace'),
  seed: async (client) => {
    await client.query(readFoundSchema('marketplace'));
    await client.query(
      `INSERT INTO lead_purchases (id, lead_id, agent_id, price_cents)
       SELECT $1::uuid, gen_random_uuid(), gen_random_uuid(), 1999
       UNION ALL SELECT gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 100 * n FROM generate_series(1, 50) n`,
      [OLD_PURCHASE],
    );
  },
  failing: [
    {
      what: 'a travel agent buys a lead',
      sql: `INSERT INTO lead_purchases (lead_id, agent_id, price_cents)
VALUES ('8c6f5f0e-3a43-4c3f-9c55-6f4c9b0e7d11', '1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed', 2500)`,
      sqlstate: '23502',
      words: 'null value in column "id" of relation "lead_purchases" violates not-null constraint',
    },
  ],
  byHand: [],
  behaviors: [
    {
      what: 'Each purchase gets a new id, and the old ones keep theirs',
      holds: (connect) =>
        withClient(connect, async (client) => {
          const insert = `INSERT INTO lead_purchases (lead_id, agent_id, price_cents)
            SELECT gen_random_uuid(), gen_random_uuid(), 1 FROM generate_series(1, 100) RETURNING id`;
          const ids = (await client.query(insert)).rows.map((row) => row.id);
          assert.equal(new Set(ids).size, 100);
          const old = await client.query('SELECT price_cents FROM lead_purchases WHERE id = $1', [
            OLD_PURCHASE,
          ]);
          assert.deepEqual(old.rows, [{ price_cents: 1999 }]);
        }),
    },
    {
      what: 'A purchase with an explicit id keeps it',
      holds: (connect) =>
        withClient(connect, async (client) => {
          const own = '0190a3c5-7d3e-7000-8000-000000000001';
          const { rows } = await client.query(
            `INSERT INTO lead_purchases (id, lead_id, agent_id, price_cents)
             VALUES ($1, gen_random_uuid(), gen_random_uuid(), 1) RETURNING id`,
            [own],
          );
          assert.equal(rows[0].id, own);
        }),
    },
  ],
};
