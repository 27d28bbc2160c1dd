/** Migration files for these tests, as a user writes them. */
import type { Files } from '../support/conductor';

export const TABLE: Files = {
  '0001_orders': `-- Orders.
-- migrate:up
CREATE TABLE orders (id bigint PRIMARY KEY, customer text NOT NULL);
-- migrate:verify
SELECT * FROM trueup.has_table('orders');
`,
};

export const DEFAULT: Files = {
  ...TABLE,
  '0002_customer_default': `-- A default.
-- migrate:up
ALTER TABLE orders ALTER customer SET DEFAULT 'unknown';
-- migrate:verify
SELECT 'no default' WHERE NOT EXISTS (SELECT 1 FROM information_schema.columns WHERE table_name = 'orders' AND column_name = 'customer' AND column_default IS NOT NULL);
-- migrate:down
ALTER TABLE orders ALTER customer DROP DEFAULT;
`,
};

export const INDEXED: Files = {
  ...DEFAULT,
  '0003_customer_index': `-- An index.
-- migrate:up
CREATE INDEX CONCURRENTLY orders_customer ON orders (customer);
-- migrate:verify
SELECT 'no valid index' WHERE NOT EXISTS (SELECT 1 FROM pg_index WHERE indexrelid = to_regclass('orders_customer') AND indisvalid);
-- migrate:down
DROP INDEX CONCURRENTLY orders_customer;
`,
};

/** What fails, after everything before it was applied. */
export const BROKEN = (files: Files): Files => ({
  ...files,
  '0009_broken': `-- Its verify does not hold.
-- migrate:up
COMMENT ON TABLE orders IS 'half way';
-- migrate:verify
SELECT 'the comment is not the one that was wanted';
`,
});
