/** Cases of kinds that a database shows by itself, by the application's statements, or by its rows. */
import type { ComparedId } from '../../../lambda/audit/compare/difference';
import type { AuditedId } from '../../../lambda/defects';
import { type AuditCase, moved } from './case';

const A = { grade: 'A' } as const;
const C = { grade: 'C' } as const;
const tables = (count: number, id: string): string =>
  Array.from({ length: count }, (_, i) => `CREATE TABLE t${i} (id ${id} PRIMARY KEY);`).join(' ');

export const ALONE: Readonly<Record<Exclude<AuditedId, ComparedId>, readonly AuditCase[]>> & {
  readonly [K in ComparedId]?: readonly AuditCase[];
} = {
  'missing-id-default': [
    {
      bad: `${tables(3, 'bigserial')} CREATE TABLE odd (id bigint PRIMARY KEY);`,
      good: `${tables(4, 'bigserial')} CREATE TABLE users (user_id bigserial PRIMARY KEY); CREATE TABLE recoveries (user_id bigint PRIMARY KEY);
        CREATE TABLE orders (id bigserial PRIMARY KEY, at date, sum int); CREATE TABLE orders_archive (id bigint PRIMARY KEY, at date);`,
      ...C,
      object: 'public.odd.id',
      message: /3 of 4 integer keys/,
    },
    {
      bad: 'CREATE TABLE leads (id uuid PRIMARY KEY, email text);',
      good: 'CREATE TABLE leads (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), email text);',
      workload: 'INSERT INTO leads (email) VALUES ($1);',
      ...A,
      object: 'public.leads.id',
      message: /a key that nothing generates, and an INSERT leaves it out/,
    },
  ],
  'missing-foreign-key': [
    {
      bad: 'CREATE TABLE accounts (id bigserial PRIMARY KEY); CREATE TABLE visits (code text PRIMARY KEY, account_id bigint);',
      good: 'CREATE TABLE accounts (id bigserial PRIMARY KEY); CREATE TABLE visits (code text PRIMARY KEY, account_id bigint REFERENCES accounts);',
      grade: 'D',
      object: 'public.visits.account_id',
      message: /appears to reference public\.accounts\.id/,
    },
  ],
  'key-generators-missing': [
    {
      bad: tables(4, 'uuid'),
      good: tables(4, 'uuid DEFAULT gen_random_uuid()'),
      ...C,
      object: 'public',
      message: /None of 4 integer or uuid keys in schema public/,
    },
  ],
  'premature-not-null': [
    {
      bad: 'CREATE TABLE sessions (code text PRIMARY KEY, lead uuid NOT NULL);',
      good: 'CREATE TABLE sessions (code text PRIMARY KEY, lead uuid);',
      workload: 'INSERT INTO sessions (code) VALUES ($1);',
      ...A,
      object: 'public.sessions.lead',
      message: /NOT NULL without a default, and an INSERT leaves it out/,
    },
    {
      bad: 'CREATE TABLE leads (code text PRIMARY KEY); CREATE TABLE calls (code text PRIMARY KEY, lead text NOT NULL REFERENCES leads ON DELETE SET NULL);',
      good: 'CREATE TABLE leads (code text PRIMARY KEY); CREATE TABLE calls (code text PRIMARY KEY, lead text REFERENCES leads ON DELETE SET NULL);',
      ...C,
      object: 'public.calls.lead',
      message: /sets it to NULL/,
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
      message: /ON CONFLICT \(student, course\) finds no unique index/,
    },
  ],
  'conflict-predicate': [
    {
      bad: 'CREATE TABLE purchases (code text PRIMARY KEY, student bigint, active boolean); CREATE UNIQUE INDEX one ON purchases (student) WHERE active;',
      good: 'CREATE TABLE purchases (code text PRIMARY KEY, student bigint, active boolean); CREATE UNIQUE INDEX one ON purchases (student);',
      workload: 'INSERT INTO purchases (code, student) VALUES ($1, $2) ON CONFLICT (student) DO NOTHING;',
      ...A,
      object: 'public.purchases',
      message: /finds only one, which is partial/,
    },
  ],
  'deferrable-arbiter': [
    {
      bad: 'CREATE TABLE codes (code text UNIQUE DEFERRABLE);',
      good: 'CREATE TABLE codes (code text UNIQUE);',
      workload: 'INSERT INTO codes (code) VALUES ($1) ON CONFLICT (code) DO NOTHING;',
      ...A,
      object: 'public.codes',
      message: /can only decide by codes_code_key, which is deferrable/,
    },
  ],
  'missing-uuid-function': [
    {
      bad: 'CREATE TABLE leads (id uuid PRIMARY KEY DEFAULT gen_random_uuid());',
      good: 'CREATE EXTENSION "uuid-ossp"; CREATE TABLE leads (id uuid PRIMARY KEY DEFAULT gen_random_uuid());',
      workload: 'INSERT INTO leads (id) VALUES (uuid_generate_v4());',
      ...A,
      object: 'uuid_generate_v4',
      message: /There is no function uuid_generate_v4\(\)/,
    },
  ],
  'mismatched-key-types': [
    {
      bad: 'CREATE TABLE accounts (id uuid PRIMARY KEY DEFAULT gen_random_uuid()); CREATE TABLE services (code text PRIMARY KEY, account_id varchar(36));',
      good: 'CREATE TABLE accounts (id uuid PRIMARY KEY DEFAULT gen_random_uuid()); CREATE TABLE services (code text PRIMARY KEY, account_id uuid); CREATE TABLE tickets (id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY, tickets_id text, token uuid UNIQUE); CREATE TABLE visits (code text PRIMARY KEY, ticket_id uuid);',
      ...C,
      object: 'public.services.account_id',
      message: /is character varying\(36\), and public\.accounts\.id/,
    },
    {
      bad: 'CREATE TABLE accounts (id uuid PRIMARY KEY DEFAULT gen_random_uuid()); CREATE TABLE services (code text PRIMARY KEY, account_id varchar(36));',
      good: 'CREATE TABLE accounts (id uuid PRIMARY KEY DEFAULT gen_random_uuid()); CREATE TABLE services (code text PRIMARY KEY, account_id uuid);',
      workload: 'SELECT s.code FROM services s JOIN accounts a ON a.id = s.account_id;',
      ...A,
      object: 'public.services.account_id',
      message: /is character varying\(36\)/,
    },
  ],
  'statement-fails': [
    {
      bad: 'CREATE TABLE customers (code text PRIMARY KEY);',
      good: 'CREATE TABLE customers (code text PRIMARY KEY, email text);',
      workload: 'SELECT email FROM customers;',
      ...A,
      object: 'public.customers',
      message: /a column that it names does not exist/,
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
      message: /names members, which no schema has/,
    },
    {
      bad: `SET check_function_bodies = off;
CREATE FUNCTION total(int) RETURNS int LANGUAGE sql AS 'SELECT billing.with_tax($1)';`,
      good: `CREATE FUNCTION with_tax(int) RETURNS int LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION total(int) RETURNS int LANGUAGE sql AS 'SELECT with_tax($1)';`,
      ...A,
      object: 'public.total(integer)',
      message: /names billing.with_tax\(\), which no schema has/,
    },
  ],
  'extension-missing': [
    {
      bad: `SET check_function_bodies = off;
CREATE FUNCTION locked(secret text) RETURNS text LANGUAGE sql AS $$ SELECT crypt(secret, gen_salt('bf')) $$;`,
      good: `CREATE EXTENSION pgcrypto;
CREATE FUNCTION locked(secret text) RETURNS text LANGUAGE sql AS $$ SELECT crypt(secret, gen_salt('bf')) $$;`,
      ...A,
      object: 'pgcrypto',
      message: /is missing/,
    },
    {
      bad: 'CREATE TABLE customers (code text PRIMARY KEY, name text);',
      good: 'CREATE EXTENSION pg_trgm; CREATE TABLE customers (code text PRIMARY KEY, name text);',
      workload: "SELECT code FROM customers WHERE similarity(name, 'Ada') > 0.5;",
      ...A,
      object: 'pg_trgm',
      message: /is missing/,
    },
  ],
  'invalid-index': [
    {
      bad: "CREATE TABLE payments (code text PRIMARY KEY, event bigint); CREATE UNIQUE INDEX one_event ON payments (event); UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'one_event'::regclass;",
      good: 'CREATE TABLE payments (code text PRIMARY KEY, event bigint); CREATE UNIQUE INDEX one_event ON payments (event);',
      ...A,
      object: 'public.payments',
      message: /Index public\.one_event on public\.payments is INVALID and unique/,
    },
    {
      bad: "CREATE TABLE events (day date, kind text) PARTITION BY RANGE (day); CREATE TABLE events_2024 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01'); CREATE INDEX kinds ON ONLY events (kind);",
      good: 'CREATE TABLE events (day date, kind text) PARTITION BY RANGE (day); CREATE INDEX kinds ON events (kind);',
      grade: 'D',
      object: 'public.events',
      message: /Index public\.kinds on public\.events is INVALID\.$/,
    },
  ],
  'unvalidated-constraint': [
    {
      bad: 'CREATE TABLE visits (code text PRIMARY KEY, minutes int); INSERT INTO visits VALUES (1, 0); ALTER TABLE visits ADD CONSTRAINT positive CHECK (minutes > 0) NOT VALID;',
      good: 'CREATE TABLE visits (code text PRIMARY KEY, minutes int CONSTRAINT positive CHECK (minutes > 0));',
      ...A,
      object: 'public.visits',
      message: /positive on public\.visits is NOT VALID, and 1 row contradicts it/,
    },
    {
      bad: 'CREATE TABLE visits (code text PRIMARY KEY); INSERT INTO visits VALUES (1); ALTER TABLE visits ADD COLUMN at date; ALTER TABLE visits ADD CONSTRAINT dated NOT NULL at NOT VALID;',
      good: 'CREATE TABLE visits (code text PRIMARY KEY, at date NOT NULL);',
      ...A,
      from: 18,
      object: 'public.visits.at',
      message: /NOT NULL of public\.visits\.at is NOT VALID, and 1 row contradicts it/,
    },
    {
      ...moved(
        'CREATE TABLE visits (code text PRIMARY KEY, minutes int CONSTRAINT positive CHECK (minutes > 0));',
        'ALTER TABLE visits DROP CONSTRAINT positive, ADD CONSTRAINT positive CHECK (minutes > 0) NOT VALID;',
      ),
      grade: 'B',
      object: 'public.visits',
      message: /NOT VALID; in the source it is validated/,
    },
    {
      // What the table's owner wrote is never run with another's rights.
      bad: 'CREATE FUNCTION fits(int) RETURNS boolean LANGUAGE sql AS $$ SELECT $1 / 0 > 1 $$; CREATE TABLE visits (code text PRIMARY KEY, minutes int); INSERT INTO visits VALUES (1, 0); ALTER TABLE visits ADD CONSTRAINT fitting CHECK (fits(minutes)) NOT VALID;',
      good: 'CREATE TABLE visits (code text PRIMARY KEY, minutes int CONSTRAINT positive CHECK (minutes > 0));',
      ...C,
      object: 'public.visits',
      message: /fitting on public\.visits is NOT VALID\.$/,
    },
    {
      bad: 'CREATE TABLE visits (code text PRIMARY KEY, minutes int); INSERT INTO visits VALUES (1, 5); ALTER TABLE visits ADD CONSTRAINT positive CHECK (minutes > 0) NOT VALID;',
      good: 'CREATE TABLE visits (code text PRIMARY KEY, minutes int CONSTRAINT positive CHECK (minutes > 0));',
      grade: 'D',
      object: 'public.visits',
      message: /positive on public\.visits is NOT VALID\.$/,
    },
  ],
  'sequence-behind': [
    {
      bad: 'CREATE TABLE invoices (id bigserial PRIMARY KEY); INSERT INTO invoices SELECT generate_series(1, 40);',
      good: "CREATE TABLE invoices (id bigserial PRIMARY KEY); INSERT INTO invoices SELECT generate_series(1, 40); SELECT setval('invoices_id_seq', 40);",
      ...A,
      object: 'public.invoices.id',
      message: /is behind public\.invoices\.id/,
    },
    {
      ...moved(
        "CREATE TABLE invoices (id bigserial PRIMARY KEY); SELECT setval('invoices_id_seq', 5000);",
        "SELECT setval('invoices_id_seq', 10);",
      ),
      grade: 'B',
      object: 'public.invoices.id',
      message: /less far than in the source/,
    },
  ],
  'collation-version': [
    {
      bad: "CREATE COLLATION old (provider = icu, locale = 'de', version = '1');",
      good: "CREATE COLLATION old (provider = icu, locale = 'de');",
      ...A,
      object: 'public.old',
      message: /built under version 1/,
    },
  ],
  'uniqueness-contradicted': [
    {
      // A damaged index, made as a collation that changes makes it: rows come in past the index.
      bad: "CREATE TABLE codes (id bigserial PRIMARY KEY, code text); CREATE UNIQUE INDEX one_code ON codes (code); UPDATE pg_index SET indisready = false, indislive = false WHERE indexrelid = 'one_code'::regclass; INSERT INTO codes (code) VALUES ('a'), ('a'), ('b'); UPDATE pg_index SET indisready = true, indislive = true WHERE indexrelid = 'one_code'::regclass;",
      good: "CREATE TABLE codes (id bigserial PRIMARY KEY, code text); CREATE UNIQUE INDEX one_code ON codes (code); INSERT INTO codes (code) VALUES ('a'), ('b');",
      deep: true,
      ...A,
      object: 'public.codes',
      message: /1 group of rows in public\.codes shares a key of one_code \(code\), although/,
    },
  ],
  'orphaned-rows': [
    {
      bad: 'CREATE TABLE leads (code text PRIMARY KEY); CREATE TABLE calls (code text PRIMARY KEY, lead text); INSERT INTO calls VALUES (1, 2), (3, NULL); ALTER TABLE calls ADD CONSTRAINT about FOREIGN KEY (lead) REFERENCES leads NOT VALID;',
      good: 'CREATE TABLE leads (code text PRIMARY KEY); CREATE TABLE calls (code text PRIMARY KEY, lead text REFERENCES leads);',
      ...A,
      object: 'public.calls.lead',
      message: /1 row of public\.calls refers by \(lead\)/,
      with: 'unvalidated-constraint',
    },
  ],
  'rows-lost': [
    {
      ...moved(
        "CREATE TABLE codes (code text PRIMARY KEY); INSERT INTO codes SELECT 'c' || i FROM generate_series(1, 30) i; ANALYZE codes;",
        'TRUNCATE codes;',
      ),
      grade: 'B',
      object: 'public.codes',
      message: /has no rows; the source has about 30/,
    },
    {
      ...moved(
        "CREATE TABLE codes (code text PRIMARY KEY); INSERT INTO codes SELECT 'c' || i FROM generate_series(1, 30) i; ANALYZE codes;",
        "DELETE FROM codes WHERE code = 'c7';",
      ),
      deep: true,
      grade: 'B',
      object: 'public.codes',
      message: /has 29 rows; the source has 30/,
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
      message: /it has no policy; the source has 1 policy/,
    },
    {
      bad: 'CREATE TABLE notes (code text PRIMARY KEY); ALTER TABLE notes ENABLE ROW LEVEL SECURITY;',
      good: 'CREATE TABLE notes (code text PRIMARY KEY);',
      ...C,
      object: 'public.notes',
      message: /it has no policy\./,
    },
  ],
  'partition-unique': [
    {
      bad: "CREATE TABLE hits (day date, code text) PARTITION BY RANGE (day); CREATE TABLE hits_1 PARTITION OF hits FOR VALUES FROM ('2026-01-01') TO ('2026-02-01'); CREATE TABLE hits_2 PARTITION OF hits FOR VALUES FROM ('2026-02-01') TO ('2026-03-01'); CREATE UNIQUE INDEX ON hits_1 (code); CREATE UNIQUE INDEX ON hits_2 (code);",
      good: "CREATE TABLE hits (day date, code text) PARTITION BY RANGE (day); CREATE TABLE hits_1 PARTITION OF hits FOR VALUES FROM ('2026-01-01') TO ('2026-02-01'); CREATE TABLE hits_2 PARTITION OF hits FOR VALUES FROM ('2026-02-01') TO ('2026-03-01'); CREATE UNIQUE INDEX ON hits (day, code);",
      ...C,
      object: 'public.hits',
      message: /unique in 2 partitions/,
    },
  ],
};
