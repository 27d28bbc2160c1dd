import { describe, expect, it } from 'vitest';
import { outerMajors } from '../support/database';
import { appointments, channels, courses, type Incident, marketplace, messaging } from './index';
import { repaired } from './support';

interface Drift {
  /** What somebody does by hand. */
  readonly sql: string;
  /** What verify says then, by migration. */
  readonly found: Record<string, string | RegExp>;
}

const DRIFTS: [Incident, Drift[]][] = [
  [
    marketplace,
    [
      {
        sql: 'ALTER TABLE lead_purchases ALTER id DROP DEFAULT',
        found: { '0002_id_default': 'lead_purchases.id has no default, so an INSERT without it fails' },
      },
      {
        sql: `ALTER TABLE lead_purchases ALTER id SET DEFAULT '00000000-0000-0000-0000-000000000000'`,
        found: { '0002_id_default': /is no call of a function that makes UUIDs/ },
      },
      {
        sql: 'ALTER TABLE lead_purchases ALTER id DROP DEFAULT, ALTER id TYPE text',
        found: {
          '0001_as_found': 'lead_purchases.id is text, not uuid',
          '0002_id_default': /has no default/,
        },
      },
      {
        sql: 'ALTER TABLE lead_purchases ALTER purchased_at DROP DEFAULT',
        found: {
          '0002_id_default': /^lead_purchases.purchased_at has no default, .* a purchase leaves it out$/,
        },
      },
    ],
  ],
  [
    channels,
    [
      {
        sql: 'ALTER TABLE voice_sessions ALTER lead_id SET NOT NULL',
        found: { '0002_sessions_before_leads': 'voice_sessions.lead_id is NOT NULL' },
      },
      {
        sql: `COMMENT ON COLUMN web_sessions.lead_id IS NULL`,
        found: { '0002_sessions_before_leads': 'web_sessions.lead_id has no comment' },
      },
      {
        sql: 'DROP INDEX all_leads_email_key',
        found: { '0003_find_leads': 'all_leads has no index on (lower(btrim(email)))' },
      },
      {
        sql: 'DROP INDEX all_leads_phone_key; CREATE INDEX all_leads_phone_key ON all_leads (phone)',
        found: { '0003_find_leads': /^all_leads has no index on \(ltrim/ },
      },
      {
        sql: 'DROP FUNCTION ensure_all_leads',
        found: { R__link_leads: 'There is no function ensure_all_leads(text, uuid)' },
      },
      {
        sql: 'ALTER TABLE all_leads ALTER id DROP DEFAULT',
        found: { '0001_as_found': 'all_leads.id has no default, so an INSERT without it fails' },
      },
      {
        sql: 'ALTER TABLE web_sessions ALTER id DROP DEFAULT',
        found: { '0001_as_found': 'web_sessions.id has no default, so an INSERT without it fails' },
      },
      {
        sql: 'ALTER TABLE voice_sessions ALTER created_at DROP DEFAULT',
        found: {
          '0001_as_found': /^voice_sessions.created_at has no default, .* a new session leaves it out$/,
        },
      },
      {
        sql: 'ALTER TABLE all_leads ALTER created_at DROP DEFAULT',
        found: {
          '0001_as_found': /^all_leads.created_at has no default, .* ensure_all_leads\(\) leaves it out$/,
        },
      },
      {
        sql: 'ALTER TABLE all_leads ALTER email SET NOT NULL',
        found: { '0001_as_found': 'all_leads.email is NOT NULL' },
      },
    ],
  ],
  [
    courses,
    [
      {
        sql: 'DROP INDEX unique_active_purchase',
        found: {
          '0002_one_active_purchase': /has no unique index|finds no unique index/,
        },
      },
      {
        sql: `DROP INDEX unique_active_purchase;
          CREATE UNIQUE INDEX unique_active_purchase ON student_course_purchases (student_id, course_id, payment_id) WHERE is_active`,
        found: { '0002_one_active_purchase': /has no unique index|finds no unique index/ },
      },
      {
        sql: `DROP INDEX unique_active_purchase;
          CREATE UNIQUE INDEX unique_active_purchase ON student_course_purchases (student_id, course_id) WHERE is_active IS TRUE`,
        found: { '0002_one_active_purchase': /is partial, WHERE|must say WHERE \(is_active IS TRUE\)/ },
      },
      {
        sql: 'DROP FUNCTION record_purchase',
        found: { R__record_purchase: 'There is no function record_purchase(uuid, uuid, text)' },
      },
      {
        sql: 'ALTER TABLE student_course_purchases ALTER id DROP DEFAULT',
        found: {
          '0001_as_found': 'student_course_purchases.id has no default, so an INSERT without it fails',
        },
      },
      {
        sql: 'ALTER TABLE student_course_purchases ALTER is_active DROP DEFAULT',
        found: { '0001_as_found': 'student_course_purchases.is_active has no default; expected true' },
      },
      {
        sql: 'ALTER TABLE student_course_purchases ALTER is_active DROP NOT NULL',
        found: { '0001_as_found': 'student_course_purchases.is_active may be null: it has no NOT NULL' },
      },
      {
        sql: 'ALTER TABLE student_course_purchases ADD shop text; UPDATE student_course_purchases SET shop = 1; ALTER TABLE student_course_purchases ALTER shop SET NOT NULL',
        found: {
          '0001_as_found':
            /^student_course_purchases.shop has no default, .* record_purchase\(\) leaves it out$/,
        },
      },
      {
        sql: 'ALTER TABLE student_course_purchases RENAME purchased_at TO bought_at',
        found: { '0001_as_found': 'student_course_purchases has no column purchased_at' },
      },
    ],
  ],
  [
    messaging,
    [
      {
        sql: 'DROP FUNCTION create_lead_with_conversation',
        found: { R__create_lead_with_conversation: /^There is no function create_lead_with_conversation/ },
      },
      {
        sql: 'ALTER TABLE leads ALTER id DROP DEFAULT',
        found: { '0001_as_found': 'leads.id has no default, so an INSERT without it fails' },
      },
      {
        sql: 'ALTER TABLE leads DROP CONSTRAINT leads_conversation_id_fkey',
        found: { '0001_as_found': /^leads has no foreign key/ },
      },
      {
        sql: 'ALTER TABLE conversations ALTER created_at DROP DEFAULT',
        found: {
          '0001_as_found':
            /^conversations.created_at has no default, .* create_lead_with_conversation\(\) leaves it out$/,
        },
      },
      {
        sql: 'UPDATE leads SET details = 1; ALTER TABLE leads ALTER details SET NOT NULL',
        found: { '0001_as_found': 'leads.details is NOT NULL' },
      },
    ],
  ],
  [
    appointments,
    [
      {
        sql: 'ALTER TABLE appointments ALTER duration DROP DEFAULT',
        found: {
          '0004_links_may_be_null': /^appointments.duration has no default, .* a booking leaves it out$/,
        },
      },
      {
        sql: 'ALTER TABLE services ALTER id DROP DEFAULT',
        found: { '0002_id_defaults': 'services.id has no default, so an INSERT without it fails' },
      },
      {
        sql: `ALTER TABLE blackout_dates DROP CONSTRAINT blackout_dates_account_id_fkey, ALTER account_id TYPE varchar(255)`,
        found: {
          '0003_uuid_keys': 'blackout_dates.account_id is character varying(255), not uuid',
          '0005_foreign_keys': /^blackout_dates has no foreign key/,
        },
      },
      {
        sql: 'DELETE FROM services WHERE account_id IS NULL; ALTER TABLE services ALTER account_id SET NOT NULL',
        found: { '0004_links_may_be_null': 'services.account_id is NOT NULL' },
      },
      {
        sql: `ALTER TABLE appointments DROP CONSTRAINT appointments_account_id_fkey,
          ADD CONSTRAINT appointments_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts (id) ON DELETE CASCADE`,
        found: { '0005_foreign_keys': /appointments_account_id_fkey is ON DELETE CASCADE$/ },
      },
      {
        sql: `ALTER TABLE services DROP CONSTRAINT services_account_id_fkey,
          ADD FOREIGN KEY (account_id) REFERENCES accounts (id) ON DELETE SET NULL NOT VALID`,
        found: { '0005_foreign_keys': /services_account_id_fkey is NOT VALID: old rows are not checked$/ },
      },
      {
        sql: 'DROP INDEX idx_appointments_phone',
        found: { '0006_indexes': 'appointments has no index on (customer_phone)' },
      },
      {
        sql: 'ALTER TABLE appointments DROP CONSTRAINT appointments_duration_positive',
        found: { '0007_duration_positive': 'appointments has no CHECK (duration > 0)' },
      },
    ],
  ],
];

describe.each(outerMajors())('on PostgreSQL %i', (major) => {
  it.each(DRIFTS)('verify finds what was changed by hand in $id', async (incident, drifts) => {
    const database = await repaired(incident, major);
    for (const { sql, found } of drifts) {
      const copy = await database.copy();
      await copy.client.query(sql);
      const findings = await copy.findings();
      expect([...new Set(findings.map((finding) => finding.migration))].sort(), sql).toEqual(
        Object.keys(found).sort(),
      );
      for (const { migration, sentence } of findings) expect(sentence, sql).toMatch(found[migration]!);
    }
  });
});
