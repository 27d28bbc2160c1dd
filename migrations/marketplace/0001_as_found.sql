-- The marketplace as the move to RDS left it: id is the key of lead_purchases, and nothing fills it in.
-- A table that exists already is left as it is.

-- migrate:preflight
SELECT trueup.col_type_is('lead_purchases', 'id', 'uuid') WHERE to_regclass('lead_purchases') IS NOT NULL;
-- What a purchase leaves out has to fill itself in. The id is for 0002.
SELECT problem || ', may not be null, and a purchase leaves it out'
FROM pg_attribute a, trueup.col_has_default('lead_purchases', quote_ident(a.attname)) AS problem
WHERE a.attrelid = to_regclass('lead_purchases') AND a.attnum > 0 AND NOT a.attisdropped AND a.attnotnull
  AND a.attname <> ALL ('{id, lead_id, agent_id, price_cents}');

-- migrate:up
CREATE TABLE IF NOT EXISTS lead_purchases (
  id uuid PRIMARY KEY,
  lead_id uuid NOT NULL,
  agent_id uuid NOT NULL,
  price_cents integer NOT NULL,
  purchased_at timestamptz NOT NULL DEFAULT now()
);

-- migrate:verify
SELECT trueup.has_table('lead_purchases');
SELECT trueup.col_type_is('lead_purchases', 'id', 'uuid');
