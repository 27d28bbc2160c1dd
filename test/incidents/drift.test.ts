import { describe, expect, it } from 'vitest';
import {
  appointments,
  channels,
  courses,
  type Incident,
  marketplace,
  messaging,
} from '../../lib/local/incidents';
import { majors } from '../support/database';
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
    ],
  ],
  [
    appointments,
    [
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

describe.each(majors())('on PostgreSQL %i', (major) => {
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
