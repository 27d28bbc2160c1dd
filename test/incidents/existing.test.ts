/** Databases that are not as the document found them: repaired already, of other types, with data that cannot be repaired. */
import { randomUUID } from 'node:crypto';
import type { Client } from 'pg';
import { describe, expect, it } from 'vitest';
import { down } from '../../lambda/engine';
import { outerMajors } from '../support/database';
import { contextFor } from '../support/engine';
import {
  appointments,
  channels,
  courses,
  INCIDENTS,
  type Incident,
  marketplace,
  messaging,
  readFoundSchema,
} from './index';
import { IncidentDatabase, manifestOf, repaired } from './support';

const HEX = '0123456789ABCDEF0123456789ABCDEF';
const DASHED = '01234567-89ab-cdef-0123-456789abcdef';

/** Seeds a database as found, and then what the test changes. */
const changed = (database: string, sql: string) => async (client: Client) => {
  await client.query(readFoundSchema(database));
  await client.query(sql);
};
const book = (sql: string) => changed('appointments', sql);

/** Migration, seed, what the preflight says. */
const REFUSED: [Incident, string, (client: Client) => Promise<unknown>, string[]][] = [
  [
    marketplace,
    '0001_as_found',
    (client) => client.query('CREATE TABLE lead_purchases (id bigint PRIMARY KEY)'),
    ['lead_purchases.id is bigint, not uuid'],
  ],
  [
    marketplace,
    '0001_as_found',
    changed(
      'marketplace',
      'ALTER TABLE lead_purchases ALTER purchased_at DROP DEFAULT, ADD shop text NOT NULL',
    ),
    [
      'lead_purchases.purchased_at has no default, may not be null, and a purchase leaves it out',
      'lead_purchases.shop has no default, may not be null, and a purchase leaves it out',
    ],
  ],
  [
    channels,
    '0001_as_found',
    (client) =>
      client.query(
        'CREATE TABLE all_leads (id uuid PRIMARY KEY, name text, email text, created_at timestamptz)',
      ),
    ['all_leads has no column phone', 'all_leads.id has no default, so an INSERT without it fails'],
  ],
  [
    channels,
    '0001_as_found',
    changed(
      'channels',
      'ALTER TABLE all_leads ALTER id DROP DEFAULT; ALTER TABLE web_sessions ALTER id DROP DEFAULT',
    ),
    [
      'all_leads.id has no default, so an INSERT without it fails',
      'web_sessions.id has no default, so an INSERT without it fails',
    ],
  ],
  [
    channels,
    '0001_as_found',
    changed(
      'channels',
      `ALTER TABLE all_leads ALTER created_at DROP DEFAULT, ALTER phone SET NOT NULL;
      ALTER TABLE social_sessions ALTER updated_at DROP DEFAULT, ADD "Handle" text NOT NULL`,
    ),
    [
      'all_leads.phone is NOT NULL',
      'all_leads.created_at has no default, may not be null, and ensure_all_leads() leaves it out',
      'social_sessions.updated_at has no default, may not be null, and a new session leaves it out',
      'social_sessions."Handle" has no default, may not be null, and a new session leaves it out',
    ],
  ],
  [
    courses,
    '0001_as_found',
    (client) =>
      client.query(
        'CREATE TABLE student_course_purchases (id uuid PRIMARY KEY, student_id int, course_id uuid, is_active boolean, payment_id text)',
      ),
    [
      'student_course_purchases.student_id is integer, not uuid',
      'student_course_purchases.id has no default, so an INSERT without it fails',
      'student_course_purchases.is_active has no default; expected true',
      'student_course_purchases.is_active may be null: it has no NOT NULL',
      'student_course_purchases has no column purchased_at',
    ],
  ],
  [
    courses,
    '0001_as_found',
    changed('courses', 'ALTER TABLE student_course_purchases ALTER id DROP DEFAULT'),
    ['student_course_purchases.id has no default, so an INSERT without it fails'],
  ],
  [
    courses,
    '0001_as_found',
    changed(
      'courses',
      `ALTER TABLE student_course_purchases ALTER is_active DROP DEFAULT, ALTER is_active DROP NOT NULL,
        ALTER purchased_at DROP DEFAULT`,
    ),
    [
      'student_course_purchases.is_active has no default; expected true',
      'student_course_purchases.is_active may be null: it has no NOT NULL',
      'student_course_purchases.purchased_at has no default, may not be null, and record_purchase() leaves it out',
    ],
  ],
  [
    courses,
    '0001_as_found',
    changed('courses', 'ALTER TABLE student_course_purchases ALTER is_active SET DEFAULT false'),
    ['The default of student_course_purchases.is_active is false, not true'],
  ],
  [
    messaging,
    '0001_as_found',
    (client) =>
      client.query(
        'CREATE TABLE leads (id uuid); CREATE TABLE conversations (id uuid DEFAULT gen_random_uuid(), user_id uuid, customer_phone text, customer_name text, status text)',
      ),
    [
      'leads.id has no default, so an INSERT without it fails',
      ...['user_id', 'conversation_id', 'customer_phone', 'customer_name', 'type', 'details', 'status'].map(
        (column) => `leads has no column ${column}`,
      ),
    ],
  ],
  [
    messaging,
    '0001_as_found',
    changed(
      'messaging',
      `ALTER TABLE conversations ALTER updated_at DROP DEFAULT;
      ALTER TABLE leads ALTER created_at DROP DEFAULT, ALTER details SET NOT NULL`,
    ),
    [
      'conversations.updated_at has no default, may not be null, and create_lead_with_conversation() leaves it out',
      'leads.created_at has no default, may not be null, and create_lead_with_conversation() leaves it out',
      'leads.details is NOT NULL',
    ],
  ],
  [
    appointments,
    '0001_as_found',
    (client) =>
      client.query(`CREATE TABLE services (id bigint PRIMARY KEY, account_id uuid);
        CREATE TABLE users (id text PRIMARY KEY); CREATE TABLE accounts (name text)`),
    ['accounts has no column id', 'services.id is bigint, not uuid', 'users has no column account_id'],
  ],
  [
    appointments,
    '0001_as_found',
    book('ALTER TABLE appointments ALTER status DROP DEFAULT'),
    ['appointments.status has no default, may not be null, and a booking leaves it out'],
  ],
  [
    appointments,
    '0003_uuid_keys',
    book(`INSERT INTO accounts VALUES ('1', 'old'), ('089DE75EC79BF6E4B00E4159135D545', 'short'), ('${HEX}', 'right');
      INSERT INTO test_chat_sessions VALUES ('chat', 'guest')`),
    [
      'Values of accounts.id that are no UUIDs: 2, e.g. in the rows with the ids 089DE75EC79BF6E4B00E4159135D545, 1',
      'Values of test_chat_sessions.account_id that are no UUIDs: 1, e.g. in the rows with the ids chat',
    ],
  ],
  [
    appointments,
    '0003_uuid_keys',
    book(`INSERT INTO accounts VALUES ('${HEX}', 'one'), ('${DASHED}', 'the same')`),
    [`Ids of accounts in more than one spelling: 1, e.g. ${DASHED} = ${HEX}`],
  ],
  [
    appointments,
    '0003_uuid_keys',
    book(
      `INSERT INTO accounts VALUES ('{${HEX}}', 'one'), ('${HEX}', 'the same'), ('{${HEX}', 'half a brace')`,
    ),
    [
      `Ids of accounts in more than one spelling: 1, e.g. ${HEX} = {${HEX} = {${HEX}}`,
      `Values of accounts.id that are no UUIDs: 1, e.g. in the rows with the ids {${HEX}`,
    ],
  ],
  [
    appointments,
    '0003_uuid_keys',
    book(`ALTER TABLE accounts ALTER id SET DEFAULT gen_random_uuid()::text;
      ALTER TABLE blackout_dates ALTER account_id SET DEFAULT '${DASHED}';
      ALTER TABLE services ALTER account_id SET DEFAULT gen_random_uuid()`),
    [
      'The default of accounts.id, (gen_random_uuid())::text, does not become uuid with it: drop it, and set one afterwards, e.g. gen_random_uuid()',
      `The default of blackout_dates.account_id, '${DASHED}'::character varying, does not become uuid with it: drop it, and set one afterwards, e.g. gen_random_uuid()`,
    ],
  ],
  [
    appointments,
    '0003_uuid_keys',
    book(`CREATE TABLE invoices (account varchar(255) CONSTRAINT bill REFERENCES accounts (id))`),
    [
      'Foreign key bill of invoices is over keys that change their type: drop it, and add it again afterwards',
    ],
  ],
  [
    appointments,
    '0003_uuid_keys',
    book(`ALTER TABLE users DROP CONSTRAINT users_account_id_foreign, ADD CONSTRAINT users_account_id_foreign
      FOREIGN KEY (account_id) REFERENCES accounts (id) ON DELETE CASCADE`),
    [
      'Foreign key users_account_id_foreign of users is over keys that change their type: drop it, and add it again afterwards',
    ],
  ],
  [
    appointments,
    '0007_duration_positive',
    book(`INSERT INTO appointments (id, appointment_type, datetime, duration)
      SELECT '${DASHED}', '${DASHED}', now(), 0; ALTER TABLE appointments ALTER appointment_type DROP NOT NULL;
      UPDATE appointments SET appointment_type = NULL`),
    [`Appointments with a duration of 0 or less: 1, e.g. those with the ids ${DASHED}`],
  ],
];

/** What is defined over key columns, in the server's words; none of these columns can change its type. */
const OVER_KEYS: { sql: string; object: string; column: string; since?: number }[] = [
  {
    sql: 'CREATE VIEW owners AS SELECT u.email, a.name FROM users u JOIN accounts a ON a.id = u.account_id',
    object: 'View owners',
    column: 'accounts.id, users.account_id',
  },
  {
    sql: 'CREATE VIEW booked AS SELECT appointment_type FROM appointments', // uuid already, and refused all the same
    object: 'View booked',
    column: 'appointments.appointment_type',
  },
  {
    sql: 'CREATE MATERIALIZED VIEW per_account AS SELECT account_id, count(*) FROM services GROUP BY 1',
    object: 'Materialized view per_account',
    column: 'services.account_id',
  },
  {
    sql: `CREATE RULE keep AS ON DELETE TO accounts WHERE old.id = 'kept' DO INSTEAD NOTHING`,
    object: 'Rule keep on table accounts',
    column: 'accounts.id',
  },
  {
    sql: 'CREATE POLICY own ON users USING (account_id = current_user)',
    object: 'Policy own on table users',
    column: 'users.account_id',
  },
  {
    sql: 'ALTER TABLE test_chat_sessions ADD account text GENERATED ALWAYS AS (lower(account_id)) STORED',
    object: 'Column account of table test_chat_sessions',
    column: 'test_chat_sessions.account_id',
  },
  {
    sql: `CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
      CREATE TRIGGER moved BEFORE UPDATE OF account_id ON blackout_dates FOR EACH ROW EXECUTE FUNCTION touch()`,
    object: 'Trigger moved on table blackout_dates',
    column: 'blackout_dates.account_id',
  },
  {
    sql: 'CREATE FUNCTION accounts_named(n text) RETURNS SETOF text BEGIN ATOMIC SELECT id FROM accounts WHERE name = n; END',
    object: 'Function accounts_named(text)',
    column: 'accounts.id',
    since: 14,
  },
  {
    sql: `CREATE PUBLICATION chosen FOR TABLE users WHERE (id <> '')`,
    object: 'Publication of table users in publication chosen',
    column: 'users.id',
    since: 15,
  },
  {
    sql: 'CREATE PUBLICATION listed FOR TABLE users (id, email)',
    object: 'Publication of table users in publication listed',
    column: 'users.id',
    since: 15,
  },
];

describe.each(outerMajors())('on PostgreSQL %i', (major) => {
  it.each(REFUSED.map(([incident, migration, seed, details]) => ({ incident, migration, seed, details })))(
    '$incident.id stops at $migration: $details.0',
    async ({ incident, migration, seed, details }) => {
      const database = await IncidentDatabase.create(incident, major, seed);
      const outcome = await database.deploy();
      expect(outcome).toMatchObject({ status: 'failed', error: { code: 'preflight', migration } });
      expect(outcome.status === 'failed' && [...(outcome.error.details ?? [])].sort()).toEqual(
        [...details].sort(),
      );
      await database.drop();
    },
  );

  it.each(OVER_KEYS.filter(({ since = 0 }) => since <= major))(
    '$object over keys stops 0003_uuid_keys, as it would stop the change',
    async ({ sql, object, column }) => {
      const database = await IncidentDatabase.create(appointments, major, book(sql));
      const [table, name] = column.split(', ')[0]!.split('.');
      await expect(
        database.client.query(`ALTER TABLE ${table} ALTER ${name} TYPE uuid USING ${name}::uuid`),
      ).rejects.toThrow(/^cannot alter type of a column used /);
      expect(await database.deploy()).toMatchObject({
        status: 'failed',
        error: {
          code: 'preflight',
          migration: '0003_uuid_keys',
          details: [
            `${object} is defined over ${column}, whose type cannot change under it: drop it, and create it again afterwards`,
          ],
        },
      });
      await database.drop();
    },
  );

  it('an index that uuid cannot have fails 0003_uuid_keys, and nothing is changed', async () => {
    const index = 'CREATE INDEX ON accounts (id varchar_pattern_ops)';
    const database = await IncidentDatabase.create(appointments, major, book(index));
    expect(await database.deploy()).toMatchObject({
      status: 'failed',
      error: { code: 'statement', migration: '0003_uuid_keys', sqlstate: '42804' },
      report: { applied: ['0001_as_found', '0002_id_defaults'] },
    });
    expect(
      await database.column(
        `SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'accounts'::regclass AND attname = 'id'`,
      ),
    ).toEqual(['character varying(255)']);
  });

  it('an index over an expression and a check are built again over uuid', async () => {
    const built = `CREATE INDEX by_text ON accounts (lower(id)); ALTER TABLE accounts ADD CHECK (id <> '');
      INSERT INTO accounts VALUES ('${DASHED}', 'one')`;
    const database = await IncidentDatabase.create(appointments, major, book(built));
    await database.repair();
    expect(await database.column(`SELECT pg_get_indexdef('by_text'::regclass)`)).toEqual([
      'CREATE INDEX by_text ON public.accounts USING btree (lower((id)::text))',
    ]);
  });

  it('ids in braces become uuid as well', async () => {
    const database = await IncidentDatabase.create(
      appointments,
      major,
      book(`INSERT INTO accounts VALUES ('{${DASHED}}', 'in braces');
        INSERT INTO blackout_dates VALUES (gen_random_uuid(), '${DASHED}', '2031-01-01')`),
    );
    await database.repair();
    expect(
      await database.column('SELECT a.id FROM accounts a JOIN blackout_dates b ON b.account_id = a.id'),
    ).toEqual([DASHED]);
  });

  it.each(INCIDENTS)('$id is built from nothing', async (incident) => {
    const database = await IncidentDatabase.create(incident, major, async () => {});
    await database.repair();
    expect(await database.findings()).toEqual([]);
  });

  it.each(INCIDENTS)('$id takes over a database that somebody has repaired by hand', async (incident) => {
    const database = await repaired(incident, major);
    // As if Trueup had never been there; the objects with names of their own get other ones.
    await database.client.query(`DELETE FROM trueup.migrations; DELETE FROM trueup.deployments;
      ALTER INDEX IF EXISTS unique_active_purchase RENAME TO by_hand_1;
      ALTER INDEX IF EXISTS all_leads_email_key RENAME TO by_hand_1;
      ALTER INDEX IF EXISTS all_leads_phone_key RENAME TO by_hand_2;
      ALTER INDEX IF EXISTS idx_appointments_phone RENAME TO by_hand_1;
      ALTER INDEX IF EXISTS idx_appointments_account_datetime RENAME TO by_hand_2`);
    if (incident.id === 'appointments') {
      await database.client.query(`ALTER TABLE appointments RENAME CONSTRAINT appointments_account_id_fkey TO by_hand_1;
        ALTER TABLE appointments RENAME CONSTRAINT appointments_appointment_type_fkey TO by_hand_2;
        ALTER TABLE appointments RENAME CONSTRAINT appointments_duration_positive TO by_hand_3;
        ALTER TABLE services RENAME CONSTRAINT services_account_id_fkey TO by_hand_1;
        ALTER TABLE availability_configs RENAME CONSTRAINT availability_configs_account_id_fkey TO by_hand_1;
        ALTER TABLE blackout_dates RENAME CONSTRAINT blackout_dates_account_id_fkey TO by_hand_1;
        ALTER TABLE test_chat_sessions RENAME CONSTRAINT test_chat_sessions_account_id_fkey TO by_hand_1`);
    }
    const manifest = await manifestOf(incident);
    const names = (kind: string) => manifest.migrations.filter((m) => m.kind === kind).map((m) => m.name);
    const outcome = await database.deploy({ baseline: names('versioned').at(-1)! });
    expect(outcome).toMatchObject({
      status: 'done',
      report: { applied: names('repeatable'), baselined: names('versioned') },
    });
    expect(await database.findings()).toEqual([]);
  });

  it.each(INCIDENTS)('$id: what has a down can be undone by name, and deployed again', async (incident) => {
    const database = await repaired(incident, major);
    const manifest = await manifestOf(incident);
    for (const { name } of manifest.migrations.filter((migration) => migration.undo !== 'none').reverse()) {
      const undone = await down(contextFor(database.url, manifest), {
        id: randomUUID(),
        namespace: incident.id,
        owner: null,
        name,
      });
      expect(undone, name).toMatchObject({ status: 'done', report: { undone: [name] } });
    }
    await database.repair();
    expect(await database.findings()).toEqual([]);
  });
});
