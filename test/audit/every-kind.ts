/** A database with an object of every kind that a snapshot describes. */

/** Marks what no snapshot may hold: values of rows and secrets. */
export const CANARY = 'c4n4ry';

/** Roles are of the whole server: each database has its own. */
export const everyKind = (major: number, role: string): string => `
  CREATE ROLE "${role}";
  CREATE SCHEMA shop;
  CREATE SCHEMA extensions;
  CREATE EXTENSION hstore SCHEMA extensions;
  CREATE EXTENSION postgres_fdw SCHEMA extensions;
  COMMENT ON SCHEMA shop IS 'what is sold';

  CREATE COLLATION shop.german (provider = icu, locale = 'de');
  CREATE TYPE shop.mood AS ENUM ('glad', 'sad');
  ALTER TYPE shop.mood ADD VALUE 'calm' BEFORE 'sad';
  CREATE DOMAIN shop.email AS varchar(80) COLLATE "C" DEFAULT 'none' NOT NULL CONSTRAINT has_at CHECK (VALUE ~ '@');
  CREATE TYPE shop.money AS (amount numeric(12, 2), currency text);
  CREATE TYPE shop.span AS RANGE (subtype = date);
  REVOKE USAGE ON TYPE shop.mood FROM public;

  CREATE SEQUENCE shop.numbers AS smallint INCREMENT BY -2 MINVALUE -100 MAXVALUE 100 START 10 CACHE 5 CYCLE;
  CREATE TABLE shop.customers (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email shop.email,
    name text COLLATE shop.german,
    feeling shop.mood DEFAULT 'glad',
    number smallint NOT NULL DEFAULT nextval('shop.numbers'),
    shouted text GENERATED ALWAYS AS (upper(email::text)) STORED,
    secret text,
    CONSTRAINT customers_number_key UNIQUE (number) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT named CHECK (name <> '')
  ) WITH (fillfactor = 70, autovacuum_enabled = false);
  COMMENT ON TABLE shop.customers IS 'who buys';
  COMMENT ON COLUMN shop.customers.email IS 'where bills go';
  COMMENT ON CONSTRAINT named ON shop.customers IS 'everybody has one';
  CREATE UNIQUE INDEX customers_email ON shop.customers (lower(email::text), id DESC) INCLUDE (name) WHERE feeling = 'glad';
  ${major >= 15 ? 'CREATE UNIQUE INDEX customers_name ON shop.customers (name) NULLS NOT DISTINCT;' : ''}
  ALTER TABLE shop.customers ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY, REPLICA IDENTITY FULL;
  CREATE POLICY own ON shop.customers AS RESTRICTIVE FOR UPDATE TO "${role}", pg_monitor
    USING (email = current_user::text) WITH CHECK (EXISTS (SELECT FROM shop.customers c WHERE c.id = 1));

  CREATE TABLE shop.orders (id serial, customer bigint, region text NOT NULL DEFAULT 'eu', at timestamptz DEFAULT '2020-01-01 00:00+02',
    PRIMARY KEY (region, id)) PARTITION BY LIST (region);
  CREATE TABLE shop.orders_eu PARTITION OF shop.orders FOR VALUES IN ('eu');
  CREATE TABLE shop.lines (region text, "order" int, price shop.money,
    FOREIGN KEY (region, "order") REFERENCES shop.orders ON DELETE CASCADE);
  ALTER TABLE shop.lines ADD CONSTRAINT priced CHECK ((price).amount > 0) NOT VALID;
  CREATE UNLOGGED TABLE shop.carts (id int) INHERITS (shop.lines);
  CREATE INDEX ON shop.orders (customer);
  ${major >= 18 ? 'ALTER TABLE shop.lines ADD CONSTRAINT ordered NOT NULL "order" NOT VALID; ALTER TABLE shop.lines ADD twice int GENERATED ALWAYS AS ("order" * 2);' : ''}

  CREATE FUNCTION shop.touch() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = shop AS
    $$ BEGIN RETURN new; END $$;
  CREATE FUNCTION shop.total(region text, VARIADIC numbers int[] DEFAULT '{}') RETURNS SETOF shop.orders LANGUAGE sql STABLE AS
    $$ SELECT * FROM shop.orders $$;
  CREATE PROCEDURE shop.tidy() LANGUAGE sql AS 'SELECT 1';
  CREATE AGGREGATE shop.sum_up(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0');
  ${major >= 14 ? 'CREATE FUNCTION shop.atomic() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM shop.orders; END;' : ''}
  REVOKE EXECUTE ON FUNCTION shop.touch() FROM public;
  COMMENT ON FUNCTION shop.total(text, int[]) IS 'all of them';
  CREATE TRIGGER touched BEFORE UPDATE OF name ON shop.customers FOR EACH ROW WHEN (old.name IS DISTINCT FROM new.name)
    EXECUTE FUNCTION shop.touch();
  CREATE TRIGGER asleep BEFORE INSERT ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.touch();
  ALTER TABLE shop.orders DISABLE TRIGGER asleep;
  CREATE FUNCTION shop.watch() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
  CREATE EVENT TRIGGER "${role}" ON ddl_command_end WHEN TAG IN ('DROP TABLE', 'CREATE TABLE') EXECUTE FUNCTION shop.watch();
  ALTER EVENT TRIGGER "${role}" DISABLE;

  CREATE VIEW shop.glad WITH (security_barrier) AS SELECT c.id, o.at FROM shop.customers c JOIN shop.orders o ON o.customer = c.id
    WHERE c.feeling = 'glad';
  CREATE MATERIALIZED VIEW shop.regions AS SELECT DISTINCT region FROM shop.orders WITH NO DATA;
  CREATE RULE quiet AS ON DELETE TO shop.carts DO INSTEAD NOTHING;

  CREATE PUBLICATION feed FOR TABLE shop.orders${major >= 15 ? ' (region, id) WHERE (id > 5)' : ''}
    WITH (publish = 'insert', publish_via_partition_root);
  ${major >= 15 ? 'CREATE PUBLICATION whole FOR TABLES IN SCHEMA shop;' : 'CREATE PUBLICATION whole FOR ALL TABLES;'}
  CREATE SUBSCRIPTION "${role}" CONNECTION 'host=127.0.0.1 password=${CANARY}' PUBLICATION feed, other WITH (connect = false);

  CREATE SERVER legacy FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'old.example.com', dbname 'shop', application_name '${CANARY}');
  CREATE USER MAPPING FOR public SERVER legacy OPTIONS (user 'app', password '${CANARY}');
  CREATE FOREIGN TABLE shop.old_orders (id int OPTIONS (column_name 'ID')) SERVER legacy OPTIONS (table_name 'orders');

  GRANT USAGE ON SCHEMA shop TO "${role}";
  GRANT SELECT ON shop.customers TO "${role}" WITH GRANT OPTION;
  GRANT UPDATE (email) ON shop.customers TO "${role}";
  GRANT USAGE ON SEQUENCE shop.numbers TO "${role}";
  ALTER DEFAULT PRIVILEGES IN SCHEMA shop GRANT SELECT ON TABLES TO "${role}";
  ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM public;
  DO $$ BEGIN
    EXECUTE format('ALTER DATABASE %I SET search_path = shop, public', current_database());
    EXECUTE format('ALTER DATABASE %I SET app.jwt_secret = %L', current_database(), '${CANARY}');
    EXECUTE format('ALTER ROLE %I IN DATABASE %I SET TimeZone = %L', '${role}', current_database(), 'Europe/Berlin');
    EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM public', current_database());
  END $$;
  CREATE OPERATOR shop.=== (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq);

  INSERT INTO shop.customers (email, name, number, secret) VALUES ('${CANARY}@example.com', '${CANARY}', 4, '${CANARY}');
  INSERT INTO shop.orders (customer) VALUES (1), (1);
`;

/** A database that a subscription belongs to cannot be dropped. */
export const dropRest = (role: string): string => `
  ALTER SUBSCRIPTION "${role}" SET (slot_name = NONE); DROP SUBSCRIPTION "${role}";
  DROP OWNED BY "${role}"; DROP SCHEMA shop CASCADE;`;
