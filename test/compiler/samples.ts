/** One sample for each form of statement, over a small database, with what is to be known of it beforehand. */
import type { ExecutionMode } from '../../lambda/contract/manifest';

/** What the samples find. Compiled as the first migration, so that the compiler knows it too. */
export const FIXTURE = `
CREATE TABLE customers (id int PRIMARY KEY, email text, name varchar(40));
CREATE TABLE orders (
  id int PRIMARY KEY,
  customer_id int NOT NULL CONSTRAINT orders_customer_fk REFERENCES customers (id),
  number int NOT NULL,
  total numeric,
  note text,
  code varchar(10),
  at timestamptz DEFAULT now()
);
CREATE TABLE payments (id int PRIMARY KEY, order_id int, amount numeric);
ALTER TABLE payments ADD CONSTRAINT payments_order_fk FOREIGN KEY (order_id) REFERENCES orders (id) NOT VALID;
ALTER TABLE orders ADD CONSTRAINT total_positive CHECK (total > 0) NOT VALID;
ALTER TABLE orders ADD CONSTRAINT note_known CHECK (note IS NOT NULL);
CREATE INDEX orders_total ON orders (total);
CREATE UNIQUE INDEX orders_number ON orders (number);
CREATE TABLE "Odd Name" (id int, "select" int);
CREATE VIEW order_totals AS SELECT customer_id, sum(total) AS total FROM orders GROUP BY 1;
CREATE MATERIALIZED VIEW order_stats AS SELECT customer_id, count(*) AS n FROM orders GROUP BY 1;
CREATE UNIQUE INDEX order_stats_key ON order_stats (customer_id);
CREATE SEQUENCE order_numbers;
CREATE TABLE events (id int, day date NOT NULL) PARTITION BY RANGE (day);
CREATE TABLE events_2025 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE events_2026 (id int, day date NOT NULL);
CREATE UNIQUE INDEX events_2026_key ON events_2026 (id);
CREATE TABLE staff (id int) INHERITS (customers);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE FUNCTION unseen() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION seen() RETURNS int STABLE LANGUAGE sql AS 'SELECT 1';
CREATE PROCEDURE work() LANGUAGE sql AS 'SELECT 1';
CREATE TRIGGER orders_touch BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION touch();
CREATE POLICY orders_policy ON orders USING (true);
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE TYPE pair AS (a int, b int);
CREATE DOMAIN percent AS int CHECK (VALUE BETWEEN 0 AND 100);
CREATE TABLE shares (id int, share percent);
CREATE RULE shares_rule AS ON INSERT TO shares WHERE NEW.id < 0 DO INSTEAD NOTHING;
CREATE STATISTICS orders_stat ON customer_id, number FROM orders;
CREATE SCHEMA archive;
CREATE TABLE archive.orders (id int);
`;

/** Rows, so that a scan is a scan. Not part of the compiled fixture. */
export const ROWS = `
INSERT INTO customers SELECT n, 'c' || n, 'n' FROM generate_series(1, 20) n;
INSERT INTO orders SELECT n, n, n, n, 'x' FROM generate_series(1, 20) n;
INSERT INTO payments SELECT n, n, n FROM generate_series(1, 20) n;
REFRESH MATERIALIZED VIEW order_stats;
INSERT INTO events_2026 SELECT n, '2026-05-05' FROM generate_series(1, 20) n;
`;

export interface Sample {
  readonly sql: string;
  readonly execution?: ExecutionMode;
  readonly destroys?: true;
  readonly rewrites?: true;
  /** First major that knows the statement. */
  readonly since?: number;
}

const destroys = true;
const rewrites = true;

export const IN_TRANSACTION: readonly Sample[] = [
  // data
  { sql: 'SELECT * FROM orders JOIN customers USING (id)' },
  { sql: 'SELECT * FROM orders FOR UPDATE' },
  { sql: 'VALUES (1)' },
  { sql: 'WITH orders AS (SELECT 1 AS id) SELECT * FROM orders' },
  { sql: "INSERT INTO customers VALUES (100, 'a', 'b')" },
  {
    sql: "INSERT INTO customers SELECT id + 100, note FROM orders ON CONFLICT (id) DO UPDATE SET name = 'x'",
  },
  { sql: 'UPDATE orders SET note = c.email FROM customers c WHERE c.id = customer_id' },
  { sql: 'DELETE FROM payments', destroys },
  { sql: 'WITH gone AS (DELETE FROM payments RETURNING *) SELECT count(*) FROM gone', destroys },
  {
    sql: 'MERGE INTO payments p USING orders o ON p.order_id = o.id WHEN MATCHED THEN UPDATE SET amount = o.total',
    since: 15,
  },
  {
    sql: 'MERGE INTO payments p USING orders o ON p.order_id = o.id WHEN MATCHED THEN DELETE',
    destroys,
    since: 15,
  },
  { sql: 'SELECT unseen()', destroys },
  { sql: "SELECT seen(), upper(email), setval('order_numbers', 7), count(*) FROM customers GROUP BY email" },
  { sql: 'UPDATE orders SET number = unseen() + id + 1000', destroys },
  { sql: 'CALL work()', destroys },
  { sql: 'DO $$ BEGIN PERFORM 1; END $$', destroys },
  { sql: 'TRUNCATE payments', destroys },
  { sql: 'TRUNCATE orders CASCADE', destroys },
  { sql: 'EXPLAIN SELECT * FROM orders' },
  { sql: 'LOCK TABLE orders IN SHARE MODE' },
  { sql: 'LOCK TABLE orders, customers' },
  { sql: 'LOCK TABLE orders IN ROW EXCLUSIVE MODE' },

  // making relations
  { sql: 'CREATE TABLE refunds (id int PRIMARY KEY, order_id int REFERENCES orders (id))' },
  { sql: 'CREATE TABLE refunds (id int, c int, FOREIGN KEY (c) REFERENCES customers (id))' },
  { sql: 'CREATE TABLE IF NOT EXISTS orders (id int)' },
  { sql: 'CREATE TABLE copy (LIKE orders INCLUDING ALL)' },
  { sql: 'CREATE TABLE vips (level int) INHERITS (customers)' },
  { sql: "CREATE TABLE events_2027 PARTITION OF events FOR VALUES FROM ('2027-01-01') TO ('2028-01-01')" },
  { sql: 'CREATE TABLE copy AS SELECT * FROM orders' },
  { sql: 'SELECT * INTO copy FROM orders' },
  { sql: 'CREATE MATERIALIZED VIEW busy AS SELECT * FROM orders' },
  { sql: 'CREATE VIEW busy AS SELECT * FROM orders' },
  {
    sql: 'CREATE OR REPLACE VIEW order_totals AS SELECT customer_id, sum(total) AS total FROM orders GROUP BY 1',
  },
  { sql: 'CREATE SEQUENCE s OWNED BY orders.number' },
  { sql: 'CREATE SCHEMA extra CREATE TABLE t (id int REFERENCES customers (id))' },
  { sql: 'CREATE TEMPORARY TABLE t (id int)' },

  // columns
  { sql: 'ALTER TABLE orders ADD COLUMN x int' },
  {
    sql: "ALTER TABLE orders ADD COLUMN x timestamptz NOT NULL DEFAULT now(), ADD COLUMN y text DEFAULT upper('a')",
  },
  { sql: 'ALTER TABLE orders ADD COLUMN x int DEFAULT seen()' },
  { sql: "ALTER TABLE orders ADD COLUMN x timestamp DEFAULT (now() AT TIME ZONE 'utc')" },
  { sql: "ALTER TABLE orders ADD COLUMN x mood DEFAULT 'good'" },
  { sql: 'ALTER TABLE orders ADD COLUMN x int REFERENCES customers (id)' },
  { sql: 'ALTER TABLE orders ADD COLUMN x int DEFAULT 1 REFERENCES customers (id)', rewrites },
  { sql: 'ALTER TABLE orders ADD COLUMN x uuid DEFAULT gen_random_uuid()', rewrites },
  { sql: 'ALTER TABLE orders ADD COLUMN x int DEFAULT unseen()', rewrites, destroys },
  { sql: 'ALTER TABLE orders ADD COLUMN x timestamptz DEFAULT clock_timestamp()', rewrites },
  { sql: 'ALTER TABLE orders ADD COLUMN x bigserial', rewrites },
  { sql: 'ALTER TABLE orders ADD COLUMN x int GENERATED ALWAYS AS IDENTITY', rewrites },
  { sql: 'ALTER TABLE orders ADD COLUMN x int GENERATED ALWAYS AS (number * 2) STORED', rewrites },
  { sql: 'ALTER TABLE orders ADD COLUMN x int GENERATED ALWAYS AS (number * 2) VIRTUAL', since: 18 },
  { sql: 'ALTER TABLE orders ADD COLUMN x percent', rewrites },
  { sql: 'ALTER TABLE orders ADD COLUMN x int UNIQUE', rewrites },
  { sql: 'ALTER TABLE orders ADD COLUMN x int CHECK (x > 0)', rewrites },
  { sql: 'ALTER TABLE orders DROP COLUMN note', destroys },
  { sql: 'ALTER TABLE orders DROP COLUMN customer_id CASCADE', destroys },
  { sql: 'ALTER TABLE orders ALTER COLUMN number TYPE bigint', rewrites },
  { sql: 'ALTER TABLE payments ALTER COLUMN order_id TYPE bigint', rewrites },
  { sql: 'ALTER TABLE customers ALTER COLUMN id TYPE bigint', rewrites },
  { sql: 'ALTER TABLE orders ALTER COLUMN code TYPE int USING code::int', rewrites, destroys },
  { sql: 'ALTER TABLE orders ALTER COLUMN total SET NOT NULL', rewrites },
  { sql: 'ALTER TABLE orders ALTER COLUMN note SET NOT NULL' },
  { sql: 'ALTER TABLE orders ALTER COLUMN number DROP NOT NULL' },
  { sql: 'ALTER TABLE orders ALTER COLUMN note SET DEFAULT md5(random()::text)' },
  { sql: 'ALTER TABLE orders ALTER COLUMN at DROP DEFAULT' },
  { sql: 'ALTER TABLE orders ALTER COLUMN number ADD GENERATED BY DEFAULT AS IDENTITY' },
  { sql: 'ALTER TABLE orders ALTER COLUMN note SET STATISTICS 200' },
  { sql: 'ALTER TABLE orders ALTER COLUMN note SET (n_distinct = 5)' },
  { sql: 'ALTER TABLE orders ALTER COLUMN note SET STORAGE EXTERNAL' },
  { sql: 'ALTER TABLE orders ALTER COLUMN note SET COMPRESSION pglz', since: 14 },
  { sql: 'ALTER TABLE orders RENAME COLUMN note TO remark' },

  // constraints
  { sql: 'ALTER TABLE orders ADD CONSTRAINT c CHECK (number > 0)', rewrites },
  { sql: 'ALTER TABLE orders ADD CONSTRAINT c CHECK (number > 0) NOT VALID' },
  { sql: 'ALTER TABLE orders ADD CONSTRAINT c FOREIGN KEY (number) REFERENCES customers (id)', rewrites },
  { sql: 'ALTER TABLE orders ADD CONSTRAINT c FOREIGN KEY (number) REFERENCES customers (id) NOT VALID' },
  { sql: 'ALTER TABLE orders ADD CONSTRAINT c UNIQUE (total)', rewrites },
  { sql: 'ALTER TABLE orders ADD CONSTRAINT c UNIQUE USING INDEX orders_number' },
  { sql: 'ALTER TABLE events_2026 ADD PRIMARY KEY (id)', rewrites },
  { sql: 'ALTER TABLE events_2026 ADD PRIMARY KEY USING INDEX events_2026_key', rewrites },
  { sql: 'ALTER TABLE orders ADD CONSTRAINT c EXCLUDE (number WITH =)', rewrites },
  { sql: 'ALTER TABLE orders ADD CONSTRAINT c NOT NULL total', rewrites, since: 18 },
  { sql: 'ALTER TABLE orders ADD CONSTRAINT c NOT NULL total NOT VALID', since: 18 },
  { sql: 'ALTER TABLE orders VALIDATE CONSTRAINT total_positive', execution: 'separate' },
  { sql: 'ALTER TABLE payments VALIDATE CONSTRAINT payments_order_fk', execution: 'separate' },
  { sql: 'ALTER TABLE orders VALIDATE CONSTRAINT total_positive, ADD COLUMN x int', rewrites },
  { sql: 'ALTER TABLE orders DROP CONSTRAINT total_positive' },
  { sql: 'ALTER TABLE orders DROP CONSTRAINT orders_customer_fk' },
  { sql: 'ALTER TABLE customers DROP CONSTRAINT customers_pkey CASCADE', destroys },
  { sql: 'ALTER TABLE orders ALTER CONSTRAINT orders_customer_fk DEFERRABLE' },
  { sql: 'ALTER TABLE orders RENAME CONSTRAINT total_positive TO c' },

  // the table as a whole
  { sql: 'ALTER TABLE orders SET (fillfactor = 70, autovacuum_enabled = false)' },
  { sql: 'ALTER TABLE orders RESET (fillfactor)' },
  { sql: 'ALTER TABLE orders SET (user_catalog_table = true)' },
  { sql: 'ALTER TABLE orders CLUSTER ON orders_total' },
  { sql: 'ALTER TABLE orders SET WITHOUT CLUSTER' },
  { sql: 'ALTER TABLE payments SET UNLOGGED', rewrites },
  { sql: 'ALTER TABLE orders SET LOGGED', rewrites },
  { sql: 'ALTER TABLE orders SET ACCESS METHOD heap', rewrites, since: 15 },
  { sql: 'ALTER TABLE orders SET TABLESPACE pg_default', rewrites },
  { sql: 'ALTER TABLE orders ENABLE TRIGGER orders_touch' },
  { sql: 'ALTER TABLE orders DISABLE TRIGGER USER' },
  { sql: 'ALTER TABLE orders ENABLE ROW LEVEL SECURITY' },
  { sql: 'ALTER TABLE orders FORCE ROW LEVEL SECURITY' },
  { sql: 'ALTER TABLE shares DISABLE RULE shares_rule' },
  { sql: 'ALTER TABLE orders REPLICA IDENTITY FULL' },
  { sql: 'ALTER TABLE orders OWNER TO CURRENT_USER' },
  { sql: 'ALTER TABLE orders RENAME TO purchases' },
  { sql: 'ALTER TABLE customers SET SCHEMA archive' },
  { sql: 'ALTER TABLE staff NO INHERIT customers' },
  {
    sql: "ALTER TABLE events ATTACH PARTITION events_2026 FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
    rewrites,
  },
  { sql: 'ALTER TABLE events DETACH PARTITION events_2025' },
  { sql: 'ALTER TABLE "Odd Name" ADD COLUMN x int' },
  { sql: 'CLUSTER orders USING orders_total', rewrites },
  { sql: 'ANALYZE orders' },

  // indexes
  { sql: 'CREATE INDEX i ON orders (note)', rewrites },
  { sql: 'CREATE INDEX i ON order_stats (n)', rewrites },
  { sql: 'DROP INDEX orders_total' },
  { sql: 'DROP INDEX orders_total, orders_number' },
  { sql: 'REINDEX INDEX orders_total', rewrites },
  { sql: 'REINDEX TABLE orders', rewrites },
  { sql: 'ALTER INDEX orders_total RENAME TO i' },
  { sql: 'ALTER INDEX orders_total SET (fillfactor = 80)' },

  // views, sequences
  { sql: 'REFRESH MATERIALIZED VIEW order_stats', rewrites },
  { sql: 'REFRESH MATERIALIZED VIEW CONCURRENTLY order_stats' },
  { sql: 'ALTER VIEW order_totals RENAME TO totals' },
  { sql: 'ALTER VIEW order_totals ALTER COLUMN total SET DEFAULT 0' },
  { sql: 'ALTER MATERIALIZED VIEW order_stats RENAME TO stats' },
  { sql: 'ALTER SEQUENCE order_numbers RESTART' },
  { sql: 'ALTER SEQUENCE order_numbers OWNED BY orders.id' },
  { sql: 'ALTER SEQUENCE order_numbers RENAME TO s' },

  // dropping
  { sql: 'DROP TABLE payments', destroys },
  { sql: 'DROP TABLE orders CASCADE', destroys },
  { sql: 'DROP TABLE events_2025', destroys },
  { sql: 'DROP TABLE staff', destroys },
  { sql: 'DROP VIEW order_totals' },
  { sql: 'DROP MATERIALIZED VIEW order_stats', destroys },
  { sql: 'DROP SEQUENCE order_numbers', destroys },
  { sql: 'DROP SCHEMA archive CASCADE', destroys },
  { sql: 'DROP TYPE mood' },
  { sql: 'DROP DOMAIN percent CASCADE', destroys },
  { sql: 'DROP FUNCTION unseen()' },
  { sql: 'DROP PROCEDURE work()' },
  { sql: 'DROP TRIGGER orders_touch ON orders' },
  { sql: 'DROP RULE shares_rule ON shares' },
  { sql: 'DROP POLICY orders_policy ON orders' },
  { sql: 'DROP STATISTICS orders_stat' },
  { sql: 'DROP EXTENSION plpgsql CASCADE', destroys },

  // what hangs on relations
  { sql: 'CREATE TRIGGER t AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION touch()' },
  {
    sql: 'CREATE CONSTRAINT TRIGGER t AFTER INSERT ON orders FROM customers FOR EACH ROW EXECUTE FUNCTION touch()',
  },
  { sql: 'ALTER TRIGGER orders_touch ON orders RENAME TO t' },
  { sql: 'CREATE RULE r AS ON DELETE TO orders DO INSTEAD NOTHING' },
  { sql: 'ALTER RULE shares_rule ON shares RENAME TO r' },
  { sql: 'CREATE POLICY p ON orders USING (true)' },
  { sql: 'ALTER POLICY orders_policy ON orders USING (false)' },
  { sql: 'ALTER POLICY orders_policy ON orders RENAME TO p' },
  { sql: 'CREATE STATISTICS s ON total, note FROM orders' },
  { sql: 'ALTER STATISTICS orders_stat SET STATISTICS 100' },
  { sql: 'ALTER STATISTICS orders_stat RENAME TO s' },
  { sql: "COMMENT ON TABLE orders IS 'x'" },
  { sql: "COMMENT ON COLUMN orders.note IS 'x'" },
  { sql: "COMMENT ON COLUMN archive.orders.id IS 'x'" },
  { sql: "COMMENT ON INDEX orders_total IS 'x'" },
  { sql: "COMMENT ON VIEW order_totals IS 'x'" },
  { sql: "COMMENT ON CONSTRAINT total_positive ON orders IS 'x'" },
  { sql: "COMMENT ON TRIGGER orders_touch ON orders IS 'x'" },
  { sql: "COMMENT ON RULE shares_rule ON shares IS 'x'" },
  { sql: "COMMENT ON POLICY orders_policy ON orders IS 'x'" },
  { sql: "COMMENT ON FUNCTION unseen() IS 'x'" },
  { sql: 'GRANT SELECT ON orders TO PUBLIC' },
  { sql: 'REVOKE SELECT ON orders FROM PUBLIC' },
  { sql: 'GRANT USAGE ON SEQUENCE order_numbers TO PUBLIC' },
  { sql: 'CREATE PUBLICATION p FOR TABLE orders' },

  // functions, types, domains
  { sql: "CREATE OR REPLACE FUNCTION unseen() RETURNS int LANGUAGE sql AS 'SELECT 2'" },
  {
    sql: 'CREATE FUNCTION f() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM orders; END',
    since: 14,
  },
  { sql: 'ALTER FUNCTION unseen() STABLE' },
  { sql: "CREATE TYPE size AS ENUM ('s')" },
  { sql: "ALTER TYPE mood RENAME VALUE 'bad' TO 'sad'" },
  { sql: "ALTER TYPE mood ADD VALUE 'fair'", execution: 'separate' },
  { sql: 'ALTER TYPE pair ADD ATTRIBUTE c int' },
  { sql: 'ALTER DOMAIN percent ADD CONSTRAINT c CHECK (VALUE <> 13)', rewrites },
  { sql: 'ALTER DOMAIN percent ADD CONSTRAINT c CHECK (VALUE <> 13) NOT VALID' },
  { sql: 'ALTER DOMAIN percent VALIDATE CONSTRAINT percent_check', rewrites },
  { sql: 'ALTER DOMAIN percent SET NOT NULL', rewrites },
  { sql: 'ALTER DOMAIN percent SET DEFAULT 5' },
  { sql: "SET LOCAL search_path = 'archive'" },
  { sql: 'SET CONSTRAINTS ALL DEFERRED' },
  { sql: 'CREATE EXTENSION IF NOT EXISTS plpgsql' },
  { sql: 'ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC' },
];

/** PostgreSQL refuses them in a transaction block. */
export const OUTSIDE: readonly Sample[] = (
  [
    { sql: 'CREATE INDEX CONCURRENTLY i ON orders (note)' },
    { sql: 'CREATE UNIQUE INDEX CONCURRENTLY i ON orders (id)' },
    { sql: 'DROP INDEX CONCURRENTLY orders_total' },
    { sql: 'REINDEX INDEX CONCURRENTLY orders_total' },
    { sql: 'REINDEX TABLE CONCURRENTLY orders' },
    { sql: 'VACUUM orders' },
    { sql: 'VACUUM FULL orders', rewrites },
    { sql: 'ALTER TABLE events DETACH PARTITION events_2025 CONCURRENTLY', since: 14 },
  ] satisfies Sample[]
).map((sample: Sample) => ({ ...sample, execution: 'non-transactional' }));
