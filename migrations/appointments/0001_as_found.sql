-- The appointment book as the audit found it: developed on SQLite, moved to PostgreSQL. Five tables have no default for
-- their ids, ids are uuid here and varchar there, and almost nothing keeps a row from pointing nowhere.
-- Tables that exist already are left as they are; the preflight says what the later files would miss in them.

-- migrate:preflight
SELECT trueup.col_type_is(t, 'id', 'uuid')
FROM unnest('{appointments, services, bot_configs, availability_configs, blackout_dates}'::text[]) AS t
WHERE to_regclass(t) IS NOT NULL;
SELECT trueup.has_column(t, 'account_id')
FROM unnest('{users, appointments, services, availability_configs, blackout_dates, test_chat_sessions}'::text[]) AS t
WHERE to_regclass(t) IS NOT NULL;
SELECT trueup.has_column(t, 'id') FROM unnest('{accounts, users, test_chat_sessions}'::text[]) AS t
WHERE to_regclass(t) IS NOT NULL;
SELECT trueup.has_column('appointments', c)
FROM unnest('{appointment_type, customer_phone, datetime, duration}'::text[]) AS c
WHERE to_regclass('appointments') IS NOT NULL;
-- What a booking leaves out has to fill itself in. The id is for 0002.
SELECT problem || ', may not be null, and a booking leaves it out'
FROM pg_attribute a, trueup.col_has_default('appointments', quote_ident(a.attname)) AS problem
WHERE a.attrelid = to_regclass('appointments') AND a.attnum > 0 AND NOT a.attisdropped AND a.attnotnull
  AND a.attname <> ALL ('{id, account_id, appointment_type, customer_phone, datetime}');

-- migrate:up
CREATE TABLE IF NOT EXISTS accounts (
  id varchar(255) PRIMARY KEY,
  name text NOT NULL
);

CREATE TABLE IF NOT EXISTS users (
  id varchar(255) PRIMARY KEY,
  account_id varchar(255) NOT NULL CONSTRAINT users_account_id_foreign REFERENCES accounts (id),
  email text NOT NULL
);

CREATE TABLE IF NOT EXISTS bot_configs (
  id uuid PRIMARY KEY,
  name text NOT NULL
);

CREATE TABLE IF NOT EXISTS services (
  id uuid PRIMARY KEY,
  account_id uuid,
  bot_config_id uuid CONSTRAINT services_bot_config_id_foreign REFERENCES bot_configs (id),
  name text NOT NULL
);

CREATE TABLE IF NOT EXISTS appointments (
  id uuid PRIMARY KEY,
  account_id uuid,
  appointment_type uuid NOT NULL,
  customer_name text,
  customer_phone varchar(255),
  datetime timestamptz NOT NULL,
  duration integer NOT NULL DEFAULT 30,
  status text NOT NULL DEFAULT 'confirmed'
);

CREATE TABLE IF NOT EXISTS availability_configs (
  id uuid PRIMARY KEY,
  account_id varchar(255) NOT NULL,
  weekday integer NOT NULL,
  opens time NOT NULL,
  closes time NOT NULL
);

CREATE TABLE IF NOT EXISTS blackout_dates (
  id uuid PRIMARY KEY,
  account_id varchar(255) NOT NULL,
  day date NOT NULL
);

CREATE TABLE IF NOT EXISTS test_chat_sessions (
  id varchar(255) PRIMARY KEY,
  account_id varchar(255),
  started_at timestamptz NOT NULL DEFAULT now()
);

-- migrate:verify
SELECT trueup.has_table(t)
FROM unnest('{accounts, users, bot_configs, services, appointments, availability_configs, blackout_dates,
  test_chat_sessions}'::text[]) AS t;
