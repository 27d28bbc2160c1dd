-- The two ways in which appointments are looked up: an account's calendar, and a customer's phone.

-- migrate:up
CREATE INDEX CONCURRENTLY idx_appointments_account_datetime ON appointments (account_id, datetime);
CREATE INDEX CONCURRENTLY idx_appointments_phone ON appointments (customer_phone);

-- migrate:verify
SELECT trueup.is_indexed('appointments', '{account_id, datetime}');
SELECT trueup.is_indexed('appointments', '{customer_phone}');

-- migrate:down
DROP INDEX CONCURRENTLY idx_appointments_phone;
DROP INDEX CONCURRENTLY idx_appointments_account_datetime;
