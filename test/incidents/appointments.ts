import assert from 'node:assert/strict';
import { findMigrationsFolder, findSqlState, type Incident, readFoundSchema, withClient } from './incident';

/**
 * An account from production, and one from SQLite: its id is stored as 32 digits in one place and in uuid's format in
 * another.
 */
const ACCOUNT_ID = '703409ee-1105-41c0-9a7e-fb5b3612a135';
const SQLITE_ACCOUNT = '089DE75EC79BF6E4B00E4159135D545F';
const SQLITE_ACCOUNT_AS_UUID = '089de75e-c79b-f6e4-b00e-4159135d545f';
const NO_ACCOUNT = 'dead0000-0000-4000-8000-000000000001';
const NO_SERVICE = 'dead0000-0000-4000-8000-000000000002';
const BOT = '11110000-0000-4000-8000-000000000001';
const SERVICE = '22220000-0000-4000-8000-000000000001';
const SQLITE_SERVICE = '22220000-0000-4000-8000-000000000002';

const SEED = `
INSERT INTO accounts VALUES ('${ACCOUNT_ID}', 'Barber'), ('${SQLITE_ACCOUNT}', 'Dentist');
INSERT INTO users VALUES
  ('6BB2F0DD5A1E4D0F9E6F6C1D2A3B4C5D', '${SQLITE_ACCOUNT}', 'dentist@example.com'),
  ('0b7d3c5e-42a1-4a51-9c1f-4f2d1f0e0001', '${ACCOUNT_ID}', 'barber@example.com');
INSERT INTO bot_configs VALUES ('${BOT}', 'default');
INSERT INTO services VALUES ('${SERVICE}', '${ACCOUNT_ID}', '${BOT}', 'Haircut'),
  ('${SQLITE_SERVICE}', '${SQLITE_ACCOUNT_AS_UUID}', '${BOT}', 'Check-up');
INSERT INTO appointments (id, account_id, appointment_type, customer_phone, datetime, duration)
SELECT gen_random_uuid(), a.account::uuid, a.service::uuid, '+1555' || lpad(n::text, 7, '0'), now() + (n - 50) * interval '1 day', 30
FROM (VALUES ('${ACCOUNT_ID}', '${SERVICE}'), ('${SQLITE_ACCOUNT}', '${SQLITE_SERVICE}')) AS a (account, service),
  generate_series(1, 100) n;
INSERT INTO availability_configs VALUES
  (gen_random_uuid(), '${ACCOUNT_ID}', 1, '09:00', '17:00'), (gen_random_uuid(), '${SQLITE_ACCOUNT_AS_UUID}', 1, '08:00', '12:00');
INSERT INTO blackout_dates VALUES (gen_random_uuid(), '${SQLITE_ACCOUNT}', '2030-12-24');
INSERT INTO test_chat_sessions VALUES ('chat-1', '${SQLITE_ACCOUNT}'), ('chat-2', NULL);

-- What nothing prevented: rows that point nowhere.
INSERT INTO appointments (id, account_id, appointment_type, datetime)
VALUES ('33330000-0000-4000-8000-000000000001', '${NO_ACCOUNT}', '${SERVICE}', now()),
       ('33330000-0000-4000-8000-000000000002', '${ACCOUNT_ID}', '${NO_SERVICE}', now());
INSERT INTO blackout_dates VALUES ('44440000-0000-4000-8000-000000000001', '${NO_ACCOUNT}', '2030-12-25');
`;

export const appointments: Incident = {
  id: 'appointments',
  title: 'Bookings vanish: ids without a default, keys of two types, orphaned rows',
  database: 'appointments',
  folder: findMigrationsFolder('appointments'),
  seed: async (client) => {
    await client.query(readFoundSchema('appointments'));
    await client.query(SEED);
  },
  failing: [
    {
      what: 'the assistant books an appointment',
      sql: `INSERT INTO appointments (account_id, appointment_type, customer_phone, datetime)
VALUES ('${ACCOUNT_ID}', '${SERVICE}', '+15551234567', '2031-01-02 10:00+00')`,
      sqlstate: '23502',
      words: 'null value in column "id" of relation "appointments" violates not-null constraint',
    },
    {
      what: 'the calendar reads the account of each service',
      sql: 'SELECT a.name, s.name FROM services s JOIN accounts a ON a.id = s.account_id',
      sqlstate: '42883',
      words: 'operator does not exist: character varying = uuid',
    },
  ],
  byHand: [
    {
      what: 'dangling references become null, as with ON DELETE SET NULL',
      sql: `UPDATE appointments SET account_id = NULL WHERE account_id NOT IN (SELECT id FROM accounts);
UPDATE appointments SET appointment_type = NULL WHERE appointment_type NOT IN (SELECT id FROM services);
UPDATE blackout_dates SET account_id = NULL WHERE account_id NOT IN (SELECT id FROM accounts)`,
    },
  ],
  behaviors: [
    {
      what: 'An account from SQLite is found by both spellings of its id, in all of its tables',
      holds: (connect) =>
        withClient(connect, async (client) => {
          for (const spelling of [SQLITE_ACCOUNT, SQLITE_ACCOUNT_AS_UUID]) {
            const { rows } = await client.query({
              text: `SELECT a.name, count(DISTINCT u.id)::int, count(DISTINCT s.id)::int, count(DISTINCT v.id)::int,
                       count(DISTINCT b.id)::int, count(DISTINCT t.id)::int, count(DISTINCT p.id)::int
                     FROM accounts a JOIN users u ON u.account_id = a.id JOIN services s ON s.account_id = a.id
                     JOIN availability_configs v ON v.account_id = a.id JOIN blackout_dates b ON b.account_id = a.id
                     JOIN test_chat_sessions t ON t.account_id = a.id JOIN appointments p ON p.account_id = a.id
                     WHERE a.id = $1 GROUP BY a.name`,
              values: [spelling],
              rowMode: 'array',
            });
            assert.deepEqual(rows, [['Dentist', 1, 1, 1, 1, 1, 100]]);
          }
        }),
    },
    {
      what: 'Each of the five tables generates its ids',
      holds: (connect) =>
        withClient(connect, async (client) => {
          await client.query('BEGIN');
          await client.query(`INSERT INTO bot_configs (name) VALUES ('another')`);
          await client.query(`INSERT INTO services (name) VALUES ('Shave')`);
          await client.query(`INSERT INTO appointments (datetime) VALUES (now())`);
          await client.query(`INSERT INTO blackout_dates (day) VALUES ('2031-01-01')`);
          await client.query(
            `INSERT INTO availability_configs (weekday, opens, closes) VALUES (2, '09:00', '10:00')`,
          );
          await client.query('ROLLBACK');
        }),
    },
    {
      what: 'No row can reference an account or a service that does not exist',
      holds: (connect) =>
        withClient(connect, async (client) => {
          const inserts = [
            `INSERT INTO appointments (appointment_type, datetime) VALUES ('${NO_SERVICE}', now())`,
            `INSERT INTO appointments (account_id, datetime) VALUES ('${NO_ACCOUNT}', now())`,
            `INSERT INTO services (account_id, name) VALUES ('${NO_ACCOUNT}', 'Ghost')`,
            `INSERT INTO availability_configs (account_id, weekday, opens, closes) VALUES ('${NO_ACCOUNT}', 1, '9:00', '10:00')`,
            `INSERT INTO blackout_dates (account_id, day) VALUES ('${NO_ACCOUNT}', '2031-01-01')`,
            `INSERT INTO test_chat_sessions (id, account_id) VALUES ('ghost', '${NO_ACCOUNT}')`,
          ];
          for (const insert of inserts) assert.equal(await findSqlState(client, insert), '23503', insert);
        }),
    },
    {
      what: 'Deleting an account or a service keeps its rows and sets their reference to null',
      holds: (connect) =>
        withClient(connect, async (client) => {
          await client.query('BEGIN');
          await client.query('DELETE FROM users WHERE account_id = $1', [SQLITE_ACCOUNT]);
          await client.query('DELETE FROM accounts WHERE id = $1', [SQLITE_ACCOUNT]);
          await client.query('DELETE FROM services WHERE id = $1', [SQLITE_SERVICE]);
          const { rows } = await client.query({
            text: `SELECT
              (SELECT count(*)::int FROM appointments WHERE account_id IS NULL AND appointment_type IS NULL AND customer_phone IS NOT NULL),
              (SELECT count(*)::int FROM availability_configs WHERE account_id IS NULL),
              (SELECT count(*)::int FROM blackout_dates WHERE account_id IS NULL AND day = '2030-12-24'),
              (SELECT count(*)::int FROM test_chat_sessions WHERE account_id IS NULL)`,
            rowMode: 'array',
          });
          assert.deepEqual(rows, [[100, 1, 1, 2]]);
          await client.query('ROLLBACK');
        }),
    },
    {
      what: 'An appointment has a positive duration, and a past one can still be changed',
      holds: (connect) =>
        withClient(connect, async (client) => {
          const empty = 'INSERT INTO appointments (datetime, duration) VALUES (now(), 0)';
          assert.equal(await findSqlState(client, empty), '23514');
          const late = await client.query(`UPDATE appointments SET status = 'done' WHERE datetime < now()`);
          assert.ok((late.rowCount ?? 0) > 0);
        }),
    },
  ],
};
