/** Cases of kinds that a database shows by itself, by the application's statements, or by its rows. */
import type { ComparedId } from '../../../lambda/audit/compare/difference';
import type { AuditFindingId } from '../../../lambda/defects';
import { type AuditCase, moved } from './case';

const A = { confidence: 'A' } as const;
const C = { confidence: 'C' } as const;
const tables = (count: number, id: string): string =>
  Array.from({ length: count }, (_, i) => `CREATE TABLE t${i} (id ${id} PRIMARY KEY);`).join(' ');

const CHILDREN = `CREATE TABLE parents (id int PRIMARY KEY); CREATE TABLE children (code text PRIMARY KEY, parent_id int,
  CONSTRAINT known_parent FOREIGN KEY (parent_id) REFERENCES parents);`;
const PARTS = `CREATE TABLE parents (code text PRIMARY KEY); CREATE TABLE parts (region text, parent_id text REFERENCES parents,
  PRIMARY KEY (region)) PARTITION BY LIST (region); CREATE TABLE part PARTITION OF parts DEFAULT;`;

export const ALONE: Readonly<Record<Exclude<AuditFindingId, ComparedId>, readonly AuditCase[]>> & {
  readonly [K in ComparedId]?: readonly AuditCase[];
} = {
  'missing-primary-key-default': [
    {
      bad: `${tables(3, 'bigserial')} CREATE TABLE odd (id bigint PRIMARY KEY);`,
      good: `${tables(4, 'bigserial')} CREATE TABLE users (user_id bigserial PRIMARY KEY); CREATE TABLE recoveries (user_id bigint PRIMARY KEY);
        CREATE TABLE orders (id bigserial PRIMARY KEY, at date, sum int); CREATE TABLE orders_archive (id bigint PRIMARY KEY, at date);`,
      ...C,
      object: 'public.odd.id',
    },
    {
      bad: 'CREATE TABLE leads (id uuid PRIMARY KEY, email text);',
      good: 'CREATE TABLE leads (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), email text);',
      workload: 'INSERT INTO leads (email) VALUES ($1);',
      ...A,
      object: 'public.leads.id',
    },
    // The partition key has to be in the primary key.
    ...['id', 'event_id'].map((id) => ({
      bad: `CREATE TABLE events (${id} uuid, "At" timestamptz DEFAULT now(), email text, PRIMARY KEY (${id}, "At")) PARTITION BY RANGE ("At");`,
      good: `CREATE TABLE events (${id} uuid DEFAULT gen_random_uuid(), "At" timestamptz DEFAULT now(), email text, PRIMARY KEY (${id}, "At")) PARTITION BY RANGE ("At");`,
      workload: 'INSERT INTO events (email) VALUES ($1);',
      ...A,
      object: `public.events.${id}`,
    })),
  ],
  'missing-foreign-key': [
    {
      bad: 'CREATE TABLE accounts (id bigserial PRIMARY KEY); CREATE TABLE visits (code text PRIMARY KEY, account_id bigint);',
      good: 'CREATE TABLE accounts (id bigserial PRIMARY KEY); CREATE TABLE visits (code text PRIMARY KEY, account_id bigint REFERENCES accounts);',
      confidence: 'D',
      object: 'public.visits.account_id',
    },
    {
      bad: 'CREATE DOMAIN "Account Id" AS bigint; CREATE TABLE accounts (id bigserial PRIMARY KEY); CREATE TABLE visits (code text PRIMARY KEY, account_id "Account Id");',
      good: 'CREATE DOMAIN "Account Id" AS bigint; CREATE TABLE accounts (id bigserial PRIMARY KEY); CREATE TABLE visits (code text PRIMARY KEY, account_id "Account Id" REFERENCES accounts);',
      confidence: 'D',
      object: 'public.visits.account_id',
    },
  ],
  'keys-without-default': [
    {
      bad: tables(4, 'uuid'),
      good: tables(4, 'uuid DEFAULT gen_random_uuid()'),
      ...C,
      object: 'public',
    },
  ],
  'not-null-too-early': [
    {
      bad: 'CREATE TABLE sessions (code text PRIMARY KEY, lead uuid NOT NULL);',
      good: 'CREATE TABLE sessions (code text PRIMARY KEY, lead uuid);',
      workload: 'INSERT INTO sessions (code) VALUES ($1);',
      ...A,
      object: 'public.sessions.lead',
    },
    {
      bad: 'CREATE TABLE leads (code text PRIMARY KEY); CREATE TABLE calls (code text PRIMARY KEY, lead text NOT NULL REFERENCES leads ON DELETE SET NULL);',
      good: 'CREATE TABLE leads (code text PRIMARY KEY); CREATE TABLE calls (code text PRIMARY KEY, lead text REFERENCES leads ON DELETE SET NULL);',
      ...C,
      object: 'public.calls.lead',
    },
    {
      bad: 'CREATE TABLE leads (a text, "B, c" text, PRIMARY KEY (a, "B, c")); CREATE TABLE calls (code text PRIMARY KEY, a text NOT NULL, "B, c" text NOT NULL, FOREIGN KEY (a, "B, c") REFERENCES leads ON DELETE SET NULL ("B, c"));',
      good: 'CREATE TABLE leads (a text, "B, c" text, PRIMARY KEY (a, "B, c")); CREATE TABLE calls (code text PRIMARY KEY, a text NOT NULL, "B, c" text, FOREIGN KEY (a, "B, c") REFERENCES leads ON DELETE SET NULL ("B, c"));',
      ...C,
      object: 'public.calls."B, c"',
      from: 15,
    },
  ],
  'missing-conflict-target': [
    {
      bad: 'CREATE TABLE purchases (code text PRIMARY KEY, student bigint, course bigint);',
      good: 'CREATE TABLE purchases (code text PRIMARY KEY, student bigint, course bigint, UNIQUE (course, student));',
      workload:
        'INSERT INTO purchases (code, student, course) VALUES ($1, $2, $3) ON CONFLICT (student, course) DO NOTHING;',
      ...A,
      object: 'public.purchases',
    },
  ],
  'missing-conflict-predicate': [
    {
      bad: 'CREATE TABLE purchases (code text PRIMARY KEY, student bigint, active boolean); CREATE UNIQUE INDEX one ON purchases (student) WHERE active;',
      good: 'CREATE TABLE purchases (code text PRIMARY KEY, student bigint, active boolean); CREATE UNIQUE INDEX one ON purchases (student);',
      workload: 'INSERT INTO purchases (code, student) VALUES ($1, $2) ON CONFLICT (student) DO NOTHING;',
      ...A,
      object: 'public.purchases',
    },
  ],
  'deferrable-arbiter': [
    {
      bad: 'CREATE TABLE codes (code text UNIQUE DEFERRABLE);',
      good: 'CREATE TABLE codes (code text UNIQUE);',
      workload: 'INSERT INTO codes (code) VALUES ($1) ON CONFLICT (code) DO NOTHING;',
      ...A,
      object: 'public.codes',
    },
  ],
  'missing-uuid-function': [
    {
      bad: 'CREATE TABLE leads (id uuid PRIMARY KEY DEFAULT gen_random_uuid());',
      good: 'CREATE EXTENSION "uuid-ossp"; CREATE TABLE leads (id uuid PRIMARY KEY DEFAULT gen_random_uuid());',
      workload: 'INSERT INTO leads (id) VALUES (uuid_generate_v4());',
      ...A,
      object: 'uuid_generate_v4',
    },
  ],
  'mismatched-key-types': [
    {
      bad: 'CREATE TABLE accounts (id uuid PRIMARY KEY DEFAULT gen_random_uuid()); CREATE TABLE services (code text PRIMARY KEY, account_id varchar(36));',
      good: 'CREATE TABLE accounts (id uuid PRIMARY KEY DEFAULT gen_random_uuid()); CREATE TABLE services (code text PRIMARY KEY, account_id uuid); CREATE TABLE tickets (id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY, tickets_id text, token uuid UNIQUE); CREATE TABLE visits (code text PRIMARY KEY, ticket_id uuid);',
      ...C,
      object: 'public.services.account_id',
    },
    {
      bad: 'CREATE TABLE accounts (id uuid PRIMARY KEY DEFAULT gen_random_uuid()); CREATE TABLE services (code text PRIMARY KEY, account_id varchar(36));',
      good: 'CREATE TABLE accounts (id uuid PRIMARY KEY DEFAULT gen_random_uuid()); CREATE TABLE services (code text PRIMARY KEY, account_id uuid);',
      workload: 'SELECT s.code FROM services s JOIN accounts a ON a.id = s.account_id;',
      ...A,
      object: 'public.services.account_id',
    },
  ],
  'failing-statement': [
    {
      bad: 'CREATE TABLE customers (code text PRIMARY KEY);',
      good: 'CREATE TABLE customers (code text PRIMARY KEY, email text);',
      workload: 'SELECT email FROM customers;',
      ...A,
      object: 'public.customers',
    },
  ],
  'broken-function': [
    {
      bad: `CREATE TABLE members (code text PRIMARY KEY); CREATE TABLE orders (code text PRIMARY KEY, owner text);
CREATE FUNCTION is_member(who text) RETURNS boolean LANGUAGE plpgsql AS $$
  DECLARE n int;
  BEGIN
    n := (SELECT count(*) FROM members WHERE code = who);
    RETURN n > 0;
  END $$;
ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON orders USING (is_member(owner));
DROP TABLE members;`,
      good: `CREATE TABLE members (code text PRIMARY KEY); CREATE TABLE orders (code text PRIMARY KEY, owner text);
CREATE FUNCTION is_member(who text) RETURNS boolean LANGUAGE plpgsql AS $$
  BEGIN
    CREATE TEMP TABLE found AS SELECT code FROM members;
    EXECUTE 'CREATE TEMP TABLE later (code text)';
    IF to_regclass('archive') IS NOT NULL THEN PERFORM 1 FROM archive; END IF;
    INSERT INTO later WITH own AS (SELECT code FROM found) SELECT text(code) FROM own;
    RETURN EXISTS (SELECT FROM later WHERE code = who);
  END $$;
CREATE FUNCTION expects() RETURNS int LANGUAGE plpgsql AS $$
  BEGIN
    RETURN gone_for_good();
  EXCEPTION WHEN undefined_function THEN RETURN 0;
  END $$;
ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON orders USING (is_member(owner));`,
      ...A,
      object: 'public.is_member(text)',
    },
    {
      bad: `SET check_function_bodies = off;
CREATE FUNCTION total(int) RETURNS int LANGUAGE sql AS 'SELECT billing.with_tax($1)';`,
      good: `CREATE FUNCTION with_tax(int) RETURNS int LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION total(int) RETURNS int LANGUAGE sql AS 'SELECT with_tax($1)';`,
      ...A,
      object: 'public.total(integer)',
    },
  ],
  'missing-extension': [
    {
      bad: `SET check_function_bodies = off;
CREATE FUNCTION locked(secret text) RETURNS text LANGUAGE sql AS $$ SELECT crypt(secret, gen_salt('bf')) $$;`,
      good: `CREATE EXTENSION pgcrypto;
CREATE FUNCTION locked(secret text) RETURNS text LANGUAGE sql AS $$ SELECT crypt(secret, gen_salt('bf')) $$;`,
      ...A,
      object: 'pgcrypto',
    },
    {
      bad: 'CREATE TABLE customers (code text PRIMARY KEY, name text);',
      good: 'CREATE EXTENSION pg_trgm; CREATE TABLE customers (code text PRIMARY KEY, name text);',
      workload: "SELECT code FROM customers WHERE similarity(name, 'Ada') > 0.5;",
      ...A,
      object: 'pg_trgm',
    },
  ],
  'invalid-index': [
    {
      bad: "CREATE TABLE payments (code text PRIMARY KEY, event bigint); CREATE UNIQUE INDEX one_event ON payments (event); UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'one_event'::regclass;",
      good: 'CREATE TABLE payments (code text PRIMARY KEY, event bigint); CREATE UNIQUE INDEX one_event ON payments (event);',
      ...A,
      object: 'public.payments',
    },
    {
      bad: "CREATE TABLE events (day date, kind text) PARTITION BY RANGE (day); CREATE TABLE events_2024 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01'); CREATE INDEX kinds ON ONLY events (kind);",
      good: 'CREATE TABLE events (day date, kind text) PARTITION BY RANGE (day); CREATE INDEX kinds ON events (kind);',
      confidence: 'D',
      object: 'public.events',
    },
  ],
  'unvalidated-constraint': [
    {
      bad: 'CREATE TABLE visits (code text PRIMARY KEY, minutes int); INSERT INTO visits VALUES (1, 0); ALTER TABLE visits ADD CONSTRAINT positive CHECK (minutes > 0) NOT VALID;',
      good: 'CREATE TABLE visits (code text PRIMARY KEY, minutes int CONSTRAINT positive CHECK (minutes > 0));',
      ...A,
      object: 'public.visits',
    },
    {
      bad: 'CREATE TABLE visits (code text PRIMARY KEY); INSERT INTO visits VALUES (1); ALTER TABLE visits ADD COLUMN at date; ALTER TABLE visits ADD CONSTRAINT dated NOT NULL at NOT VALID;',
      good: 'CREATE TABLE visits (code text PRIMARY KEY, at date NOT NULL);',
      ...A,
      from: 18,
      object: 'public.visits.at',
    },
    {
      ...moved(
        'CREATE TABLE visits (code text PRIMARY KEY, minutes int CONSTRAINT positive CHECK (minutes > 0));',
        'ALTER TABLE visits DROP CONSTRAINT positive, ADD CONSTRAINT positive CHECK (minutes > 0) NOT VALID;',
      ),
      confidence: 'B',
      object: 'public.visits',
    },
    {
      // What the table's owner wrote is never run with another's rights.
      bad: 'CREATE FUNCTION fits(int) RETURNS boolean LANGUAGE sql AS $$ SELECT $1 / 0 > 1 $$; CREATE TABLE visits (code text PRIMARY KEY, minutes int); INSERT INTO visits VALUES (1, 0); ALTER TABLE visits ADD CONSTRAINT fitting CHECK (fits(minutes)) NOT VALID;',
      good: 'CREATE TABLE visits (code text PRIMARY KEY, minutes int CONSTRAINT positive CHECK (minutes > 0));',
      ...C,
      object: 'public.visits',
    },
    {
      bad: 'CREATE TABLE visits (code text PRIMARY KEY, minutes int); INSERT INTO visits VALUES (1, 5); ALTER TABLE visits ADD CONSTRAINT positive CHECK (minutes > 0) NOT VALID;',
      good: 'CREATE TABLE visits (code text PRIMARY KEY, minutes int CONSTRAINT positive CHECK (minutes > 0));',
      confidence: 'D',
      object: 'public.visits',
    },
  ],
  'sequence-behind': [
    {
      bad: 'CREATE TABLE invoices (id bigserial PRIMARY KEY); INSERT INTO invoices SELECT generate_series(1, 40);',
      good: "CREATE TABLE invoices (id bigserial PRIMARY KEY); INSERT INTO invoices SELECT generate_series(1, 40); SELECT setval('invoices_id_seq', 40);",
      ...A,
      object: 'public.invoices.id',
    },
    {
      ...moved(
        "CREATE TABLE invoices (id bigserial PRIMARY KEY); SELECT setval('invoices_id_seq', 5000);",
        "SELECT setval('invoices_id_seq', 10);",
      ),
      confidence: 'B',
      object: 'public.invoices.id',
    },
  ],
  'collation-version-changed': [
    {
      bad: "CREATE COLLATION old (provider = icu, locale = 'de', version = '1');",
      good: "CREATE COLLATION old (provider = icu, locale = 'de');",
      ...A,
      object: 'public.old',
    },
  ],
  'duplicate-keys': [
    {
      // A damaged index, made as a collation that changes makes it: rows come in past the index.
      bad: "CREATE TABLE codes (id bigserial PRIMARY KEY, code text); CREATE UNIQUE INDEX one_code ON codes (code); UPDATE pg_index SET indisready = false, indislive = false WHERE indexrelid = 'one_code'::regclass; INSERT INTO codes (code) VALUES ('a'), ('a'), ('b'); UPDATE pg_index SET indisready = true, indislive = true WHERE indexrelid = 'one_code'::regclass;",
      good: "CREATE TABLE codes (id bigserial PRIMARY KEY, code text); CREATE UNIQUE INDEX one_code ON codes (code); INSERT INTO codes (code) VALUES ('a'), ('b');",
      fullScan: true,
      ...A,
      object: 'public.codes',
    },
  ],
  'constraint-not-enforced': [
    {
      bad: `${CHILDREN} ALTER TABLE children DISABLE TRIGGER ALL;`,
      good: CHILDREN,
      ...A,
      object: 'public.children.parent_id',
    },
    {
      bad: `${CHILDREN} ALTER TABLE parents DISABLE TRIGGER ALL;`,
      good: CHILDREN,
      ...A,
      object: 'public.children.parent_id',
    },
    {
      bad: `${PARTS} ALTER TABLE part DISABLE TRIGGER ALL;`,
      good: PARTS,
      ...A,
      object: 'public.parts.parent_id',
    },
    {
      bad: 'CREATE TABLE t (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED); ALTER TABLE t DISABLE TRIGGER ALL;',
      good: 'CREATE TABLE t (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED);',
      ...A,
      object: 'public.t.id',
    },
    {
      ...moved(CHILDREN, 'ALTER TABLE children ALTER CONSTRAINT known_parent NOT ENFORCED;'),
      ...A,
      from: 18,
      object: 'public.children.parent_id',
    },
    {
      bad: 'CREATE TABLE goods (id int PRIMARY KEY, price int, CONSTRAINT paid CHECK (price > 0) NOT ENFORCED);',
      good: 'CREATE TABLE goods (id int PRIMARY KEY, price int, CONSTRAINT paid CHECK (price > 0));',
      ...A,
      from: 18,
      object: 'public.goods.price',
    },
  ],
  'orphaned-rows': [
    {
      bad: 'CREATE TABLE leads (code text PRIMARY KEY); CREATE TABLE calls (code text PRIMARY KEY, lead text); INSERT INTO calls VALUES (1, 2), (3, NULL); ALTER TABLE calls ADD CONSTRAINT about FOREIGN KEY (lead) REFERENCES leads NOT VALID;',
      good: 'CREATE TABLE leads (code text PRIMARY KEY); CREATE TABLE calls (code text PRIMARY KEY, lead text REFERENCES leads);',
      ...A,
      object: 'public.calls.lead',
      with: 'unvalidated-constraint',
    },
    {
      bad: `${CHILDREN} ALTER TABLE children DISABLE TRIGGER ALL; INSERT INTO children VALUES ('a', 777); ALTER TABLE children ENABLE TRIGGER ALL;`,
      good: CHILDREN,
      fullScan: true,
      ...A,
      object: 'public.children.parent_id',
    },
  ],
  'missing-rows': [
    {
      ...moved(
        "CREATE TABLE codes (code text PRIMARY KEY); INSERT INTO codes SELECT 'c' || i FROM generate_series(1, 30) i; ANALYZE codes;",
        'TRUNCATE codes;',
      ),
      confidence: 'B',
      object: 'public.codes',
    },
    {
      ...moved(
        "CREATE TABLE codes (code text PRIMARY KEY); INSERT INTO codes SELECT 'c' || i FROM generate_series(1, 30) i; ANALYZE codes;",
        "DELETE FROM codes WHERE code = 'c7';",
      ),
      fullScan: true,
      confidence: 'B',
      object: 'public.codes',
    },
  ],
  'row-security-without-policy': [
    {
      ...moved(
        'CREATE TABLE notes (code text PRIMARY KEY); ALTER TABLE notes ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON notes USING (code = current_user);',
        'DROP POLICY own ON notes;',
      ),
      ...A,
      object: 'public.notes',
    },
    {
      bad: 'CREATE TABLE notes (code text PRIMARY KEY); ALTER TABLE notes ENABLE ROW LEVEL SECURITY;',
      good: 'CREATE TABLE notes (code text PRIMARY KEY);',
      ...C,
      object: 'public.notes',
    },
  ],
  'unique-per-partition': [
    {
      bad: "CREATE TABLE hits (day date, code text) PARTITION BY RANGE (day); CREATE TABLE hits_1 PARTITION OF hits FOR VALUES FROM ('2026-01-01') TO ('2026-02-01'); CREATE TABLE hits_2 PARTITION OF hits FOR VALUES FROM ('2026-02-01') TO ('2026-03-01'); CREATE UNIQUE INDEX ON hits_1 (code); CREATE UNIQUE INDEX ON hits_2 (code);",
      good: "CREATE TABLE hits (day date, code text) PARTITION BY RANGE (day); CREATE TABLE hits_1 PARTITION OF hits FOR VALUES FROM ('2026-01-01') TO ('2026-02-01'); CREATE TABLE hits_2 PARTITION OF hits FOR VALUES FROM ('2026-02-01') TO ('2026-03-01'); CREATE UNIQUE INDEX ON hits (day, code);",
      ...C,
      object: 'public.hits',
    },
  ],
};
