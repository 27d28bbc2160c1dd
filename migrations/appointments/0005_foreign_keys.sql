-- The six missing foreign keys: what belongs to an account or a service can no longer point nowhere, and its link becomes
-- null when the account or the service is deleted.
--
-- NOT VALID first, which locks the tables for a moment and stops new orphans; the old rows are checked afterwards, while
-- the application goes on. Orphans are reported and never touched. What ON DELETE SET NULL would have done with them:
--
--   UPDATE appointments a SET account_id = NULL
--   WHERE account_id IS NOT NULL AND NOT EXISTS (SELECT FROM accounts p WHERE p.id = a.account_id);
--
-- and likewise for the other columns that the preflight names; or restore the missing account.

-- migrate:preflight
SELECT format('Rows whose %s points nowhere: %s, e.g. those with the ids %s', link, count(*),
  array_to_string((array_agg(row_id ORDER BY row_id))[1:5], ', '))
FROM (
  SELECT 'appointments.appointment_type', id::text FROM appointments
    WHERE appointment_type IS NOT NULL AND appointment_type NOT IN (SELECT id FROM services)
  UNION ALL SELECT 'appointments.account_id', id::text FROM appointments
    WHERE account_id IS NOT NULL AND account_id NOT IN (SELECT id FROM accounts)
  UNION ALL SELECT 'services.account_id', id::text FROM services
    WHERE account_id IS NOT NULL AND account_id NOT IN (SELECT id FROM accounts)
  UNION ALL SELECT 'availability_configs.account_id', id::text FROM availability_configs
    WHERE account_id IS NOT NULL AND account_id NOT IN (SELECT id FROM accounts)
  UNION ALL SELECT 'blackout_dates.account_id', id::text FROM blackout_dates
    WHERE account_id IS NOT NULL AND account_id NOT IN (SELECT id FROM accounts)
  UNION ALL SELECT 'test_chat_sessions.account_id', id::text FROM test_chat_sessions
    WHERE account_id IS NOT NULL AND account_id NOT IN (SELECT id FROM accounts)
) AS orphans (link, row_id)
GROUP BY link;

-- migrate:up
ALTER TABLE appointments ADD CONSTRAINT appointments_appointment_type_fkey
  FOREIGN KEY (appointment_type) REFERENCES services (id) ON DELETE SET NULL NOT VALID;
ALTER TABLE appointments ADD CONSTRAINT appointments_account_id_fkey
  FOREIGN KEY (account_id) REFERENCES accounts (id) ON DELETE SET NULL NOT VALID;
ALTER TABLE services ADD CONSTRAINT services_account_id_fkey
  FOREIGN KEY (account_id) REFERENCES accounts (id) ON DELETE SET NULL NOT VALID;
ALTER TABLE availability_configs ADD CONSTRAINT availability_configs_account_id_fkey
  FOREIGN KEY (account_id) REFERENCES accounts (id) ON DELETE SET NULL NOT VALID;
ALTER TABLE blackout_dates ADD CONSTRAINT blackout_dates_account_id_fkey
  FOREIGN KEY (account_id) REFERENCES accounts (id) ON DELETE SET NULL NOT VALID;
ALTER TABLE test_chat_sessions ADD CONSTRAINT test_chat_sessions_account_id_fkey
  FOREIGN KEY (account_id) REFERENCES accounts (id) ON DELETE SET NULL NOT VALID;

ALTER TABLE appointments VALIDATE CONSTRAINT appointments_appointment_type_fkey;
ALTER TABLE appointments VALIDATE CONSTRAINT appointments_account_id_fkey;
ALTER TABLE services VALIDATE CONSTRAINT services_account_id_fkey;
ALTER TABLE availability_configs VALIDATE CONSTRAINT availability_configs_account_id_fkey;
ALTER TABLE blackout_dates VALIDATE CONSTRAINT blackout_dates_account_id_fkey;
ALTER TABLE test_chat_sessions VALIDATE CONSTRAINT test_chat_sessions_account_id_fkey;

-- migrate:verify
SELECT trueup.fk_ok('appointments', '{appointment_type}', 'services', '{id}', on_delete => 'SET NULL');
SELECT trueup.fk_ok(t, '{account_id}', 'accounts', '{id}', on_delete => 'SET NULL')
FROM unnest('{appointments, services, availability_configs, blackout_dates, test_chat_sessions}'::text[]) AS t;

-- migrate:down
ALTER TABLE test_chat_sessions DROP CONSTRAINT test_chat_sessions_account_id_fkey;
ALTER TABLE blackout_dates DROP CONSTRAINT blackout_dates_account_id_fkey;
ALTER TABLE availability_configs DROP CONSTRAINT availability_configs_account_id_fkey;
ALTER TABLE services DROP CONSTRAINT services_account_id_fkey;
ALTER TABLE appointments DROP CONSTRAINT appointments_account_id_fkey;
ALTER TABLE appointments DROP CONSTRAINT appointments_appointment_type_fkey;
