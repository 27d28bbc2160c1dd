-- The messaging CRM as it was found: leads and conversations, each written by a request of its own.
-- Tables that exist already are left as they are; the preflight says what the later files would miss in them.

-- migrate:preflight
SELECT trueup.col_default_generates_uuid(t, 'id') FROM unnest('{leads, conversations}'::text[]) AS t
WHERE to_regclass(t) IS NOT NULL;
SELECT trueup.has_column('conversations', c) FROM unnest('{user_id, customer_phone, customer_name, status}'::text[]) AS c
WHERE to_regclass('conversations') IS NOT NULL;
SELECT trueup.has_column('leads', c)
FROM unnest('{user_id, conversation_id, customer_phone, customer_name, type, status}'::text[]) AS c
WHERE to_regclass('leads') IS NOT NULL;
SELECT trueup.col_is_null('leads', 'details') WHERE to_regclass('leads') IS NOT NULL;
-- What create_lead_with_conversation() leaves out has to fill itself in.
SELECT problem || ', may not be null, and create_lead_with_conversation() leaves it out'
FROM (VALUES ('conversations', '{id, user_id, customer_phone, customer_name, status}'::name[]),
    ('leads', '{id, user_id, conversation_id, customer_phone, customer_name, type, details, status}')) AS given (t, columns),
  pg_attribute a, trueup.col_has_default(t, quote_ident(a.attname)) AS problem
WHERE a.attrelid = to_regclass(t) AND a.attnum > 0 AND NOT a.attisdropped AND a.attnotnull
  AND a.attname <> ALL (columns);

-- migrate:up
CREATE TABLE IF NOT EXISTS conversations (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id uuid NOT NULL,
  customer_phone text NOT NULL CHECK (customer_phone ~ '^[+]?[0-9]{6,15}$'),
  customer_name text NOT NULL,
  status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'closed', 'archived')),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS leads (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id uuid NOT NULL,
  conversation_id uuid REFERENCES conversations (id),
  customer_phone text NOT NULL,
  customer_name text NOT NULL,
  type text NOT NULL CHECK (type IN ('order', 'booking', 'inquiry', 'complaint')),
  details text,
  status text NOT NULL DEFAULT 'new' CHECK (status IN ('new', 'in_progress', 'won', 'lost')),
  created_at timestamptz NOT NULL DEFAULT now()
);

-- migrate:verify
SELECT trueup.col_default_generates_uuid(t, 'id') FROM unnest('{leads, conversations}'::text[]) AS t;
SELECT trueup.col_is_null('leads', 'details');
SELECT problem || ', may not be null, and create_lead_with_conversation() leaves it out'
FROM (VALUES ('conversations', '{id, user_id, customer_phone, customer_name, status}'::name[]),
    ('leads', '{id, user_id, conversation_id, customer_phone, customer_name, type, details, status}')) AS given (t, columns),
  pg_attribute a, trueup.col_has_default(t, quote_ident(a.attname)) AS problem
WHERE a.attrelid = to_regclass(t) AND a.attnum > 0 AND NOT a.attisdropped
  AND a.attname <> ALL (columns)
  AND NOT EXISTS (SELECT FROM trueup.col_not_null(t, quote_ident(a.attname)));
SELECT trueup.fk_ok('leads', '{conversation_id}', 'conversations', '{id}');
