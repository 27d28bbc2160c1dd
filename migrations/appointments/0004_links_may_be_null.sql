-- ON DELETE SET NULL, which the foreign keys of 0005 carry, needs columns that may be null: on a NOT NULL column the
-- deletion itself fails with 23502. So the application has to expect null in them from now on.
-- No down: once a link is null, NOT NULL cannot come back.

-- migrate:up
ALTER TABLE appointments ALTER COLUMN account_id DROP NOT NULL, ALTER COLUMN appointment_type DROP NOT NULL;
ALTER TABLE services ALTER COLUMN account_id DROP NOT NULL;
ALTER TABLE availability_configs ALTER COLUMN account_id DROP NOT NULL;
ALTER TABLE blackout_dates ALTER COLUMN account_id DROP NOT NULL;
ALTER TABLE test_chat_sessions ALTER COLUMN account_id DROP NOT NULL;

-- migrate:verify
SELECT trueup.col_is_null('appointments', 'appointment_type');
SELECT trueup.col_is_null(t, 'account_id')
FROM unnest('{appointments, services, availability_configs, blackout_dates, test_chat_sessions}'::text[]) AS t;
-- The rest of what a booking leaves out.
SELECT problem || ', may not be null, and a booking leaves it out'
FROM pg_attribute a, trueup.col_has_default('appointments', quote_ident(a.attname)) AS problem
WHERE a.attrelid = to_regclass('appointments') AND a.attnum > 0 AND NOT a.attisdropped
  AND a.attname <> ALL ('{customer_phone, datetime}')
  AND NOT EXISTS (SELECT FROM trueup.col_not_null('appointments', quote_ident(a.attname)));
