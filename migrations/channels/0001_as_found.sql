-- The chat channels as they were found: a session cannot exist before its lead does.
-- Tables that exist already are left as they are; the preflight says what the later files would miss in them.

-- migrate:preflight
SELECT problem
FROM unnest('{all_leads, web_sessions, whatsapp_sessions, voice_sessions, social_sessions}'::text[]) AS t, LATERAL (
  SELECT trueup.col_type_is(t, 'id', 'uuid') UNION SELECT trueup.col_default_generates_uuid(t, 'id')
) AS id (problem)
WHERE to_regclass(t) IS NOT NULL;
SELECT trueup.col_type_is(t, 'lead_id', 'uuid')
FROM unnest('{web_sessions, whatsapp_sessions, voice_sessions, social_sessions}'::text[]) AS t
WHERE to_regclass(t) IS NOT NULL;
SELECT trueup.has_column(t, c)
FROM unnest('{web_sessions, whatsapp_sessions, voice_sessions, social_sessions}'::text[]) AS t,
  unnest('{customer_name, customer_email, customer_phone, updated_at}'::text[]) AS c
WHERE to_regclass(t) IS NOT NULL;
-- Of a new lead only the e-mail or the phone may be known.
SELECT trueup.col_is_null('all_leads', c) FROM unnest('{name, email, phone}'::text[]) AS c
WHERE to_regclass('all_leads') IS NOT NULL;
SELECT trueup.has_column('all_leads', 'created_at') WHERE to_regclass('all_leads') IS NOT NULL;
-- What a new session or a new lead leaves out has to fill itself in. The sessions' lead_id is for 0002.
SELECT problem || ', may not be null, and a new session leaves it out'
FROM unnest('{web_sessions, whatsapp_sessions, voice_sessions, social_sessions}'::text[]) AS t,
  pg_attribute a, trueup.col_has_default(t, quote_ident(a.attname)) AS problem
WHERE a.attrelid = to_regclass(t) AND a.attnum > 0 AND NOT a.attisdropped AND a.attnotnull
  AND a.attname <> ALL ('{id, lead_id}');
SELECT problem || ', may not be null, and ensure_all_leads() leaves it out'
FROM pg_attribute a, trueup.col_has_default('all_leads', quote_ident(a.attname)) AS problem
WHERE a.attrelid = to_regclass('all_leads') AND a.attnum > 0 AND NOT a.attisdropped AND a.attnotnull
  AND a.attname <> ALL ('{id, name, email, phone}');

-- migrate:up
CREATE TABLE IF NOT EXISTS all_leads (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  name text,
  email text,
  phone text,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS web_sessions (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  lead_id uuid NOT NULL REFERENCES all_leads (id) ON DELETE SET NULL,
  customer_name text,
  customer_email text,
  customer_phone text,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS whatsapp_sessions (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  lead_id uuid NOT NULL REFERENCES all_leads (id) ON DELETE SET NULL,
  customer_name text,
  customer_email text,
  customer_phone text,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS voice_sessions (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  lead_id uuid NOT NULL REFERENCES all_leads (id) ON DELETE SET NULL,
  customer_name text,
  customer_email text,
  customer_phone text,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS social_sessions (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  lead_id uuid NOT NULL REFERENCES all_leads (id) ON DELETE SET NULL,
  customer_name text,
  customer_email text,
  customer_phone text,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

-- migrate:verify
SELECT trueup.has_table('all_leads');
SELECT trueup.col_type_is(t, 'lead_id', 'uuid')
FROM unnest('{web_sessions, whatsapp_sessions, voice_sessions, social_sessions}'::text[]) AS t;
SELECT trueup.col_default_generates_uuid(t, 'id')
FROM unnest('{all_leads, web_sessions, whatsapp_sessions, voice_sessions, social_sessions}'::text[]) AS t;
SELECT trueup.col_is_null('all_leads', c) FROM unnest('{name, email, phone}'::text[]) AS c;
SELECT problem || ', may not be null, and a new session leaves it out'
FROM unnest('{web_sessions, whatsapp_sessions, voice_sessions, social_sessions}'::text[]) AS t,
  pg_attribute a, trueup.col_has_default(t, quote_ident(a.attname)) AS problem
WHERE a.attrelid = to_regclass(t) AND a.attnum > 0 AND NOT a.attisdropped
  AND a.attname <> ALL ('{id, lead_id}')
  AND NOT EXISTS (SELECT FROM trueup.col_not_null(t, quote_ident(a.attname)));
SELECT problem || ', may not be null, and ensure_all_leads() leaves it out'
FROM pg_attribute a, trueup.col_has_default('all_leads', quote_ident(a.attname)) AS problem
WHERE a.attrelid = to_regclass('all_leads') AND a.attnum > 0 AND NOT a.attisdropped
  AND a.attname <> ALL ('{id, name, email, phone}')
  AND NOT EXISTS (SELECT FROM trueup.col_not_null('all_leads', quote_ident(a.attname)));
