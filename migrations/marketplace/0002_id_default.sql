-- Gives lead_purchases.id its UUID default back, so that a purchase need not bring an id.
--
-- gen_random_uuid() is part of PostgreSQL from 13 on: no extension, and no right to create one, is needed.
-- There is no down: without the default every purchase fails with 23502, and on a database that somebody had already
-- repaired by hand a down would take that repair away as well.

-- migrate:up
ALTER TABLE lead_purchases ALTER COLUMN id SET DEFAULT gen_random_uuid();

-- migrate:verify
SELECT trueup.col_default_generates_uuid('lead_purchases', 'id');
-- The rest of what a purchase leaves out.
SELECT problem || ', may not be null, and a purchase leaves it out'
FROM pg_attribute a, trueup.col_has_default('lead_purchases', quote_ident(a.attname)) AS problem
WHERE a.attrelid = to_regclass('lead_purchases') AND a.attnum > 0 AND NOT a.attisdropped
  AND a.attname <> ALL ('{id, lead_id, agent_id, price_cents}')
  AND NOT EXISTS (SELECT FROM trueup.col_not_null('lead_purchases', quote_ident(a.attname)));
