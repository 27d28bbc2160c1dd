-- The marketplace as the move to RDS left it: id is the key of lead_purchases, and nothing fills it in.
-- A table that exists already is left as it is.

-- migrate:preflight
SELECT trueup.col_type_is('lead_purchases', 'id', 'uuid') WHERE to_regclass('lead_purchases') IS NOT NULL;

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
