import type { DefectCase } from './case';

const works = { case: null, verdict: 'schema', repair: 'works' } as const;
const UUID = 'CREATE TABLE t (id uuid PRIMARY KEY, x int)';
const SERIAL =
  'CREATE TABLE inv (id bigserial PRIMARY KEY, x int);\nINSERT INTO inv (x) SELECT 1 FROM generate_series(1, 5);\n';
const AFTER_FIVE = 'SELECT max(id) = 8 AND count(*) = 8 FROM inv';

export const missingPrimaryKeyDefault: readonly DefectCase[] = [
  { name: 'uuid', schema: UUID, failing: 'INSERT INTO t (x) VALUES (1)', ...works },
  {
    name: 'bigint with rows',
    schema: 'CREATE TABLE t (id bigint PRIMARY KEY, x int);\nINSERT INTO t VALUES (3, 1), (41, 1)',
    failing: 'INSERT INTO t (x) VALUES (1)',
    data: 'SELECT min(id) = 42 AND max(id) = 44 FROM t WHERE id > 41',
    ...works,
  },
  ...['', 'CREATE SEQUENCE t_id_seq AS int OWNED BY t.id;\n'].map(
    (sequence): DefectCase => ({
      name: `a stray id at the end of the type, ${sequence === '' ? 'no sequence' : 'and the old sequence'}`,
      schema: `CREATE TABLE t (id int PRIMARY KEY, x int);\n${sequence}INSERT INTO t VALUES (1, 1), (2147483647, 1)`,
      failing: 'INSERT INTO t (x) VALUES (1)',
      ...works,
      says: /last tenth of the range of integer/,
      repair: 'decides',
      sql: false,
    }),
  ),
  {
    name: 'a trigger that fills it is disabled',
    schema:
      'CREATE TABLE t (id bigint PRIMARY KEY, x int);\nCREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.id := 1 + (SELECT count(*) FROM t); RETURN NEW; END $$;\nCREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION fill();\nALTER TABLE t DISABLE TRIGGER tr',
    failing: 'INSERT INTO t (x) VALUES (1)',
    case: 'trigger-disabled',
    verdict: 'schema',
    says: /tr \((public\.)?fill\)/,
    repair: 'decides',
    sql: true,
  },
  {
    name: 'a child that has lost the default of its parent',
    schema:
      'CREATE TABLE p (id bigserial PRIMARY KEY, x int);\nCREATE TABLE c (y int, PRIMARY KEY (id)) INHERITS (p);\nALTER TABLE c ALTER id DROP DEFAULT;\nINSERT INTO p (x) SELECT generate_series(1, 30)',
    failing: 'INSERT INTO c (x) VALUES (1)',
    case: 'partition-differs',
    verdict: 'schema',
    repair: 'works',
    data: 'SELECT count(*) = count(DISTINCT id) FROM p',
  },
  {
    name: 'integer without rows',
    schema: 'CREATE TABLE t (id int PRIMARY KEY, x int)',
    failing: 'INSERT INTO t (x) VALUES (1)',
    data: 'SELECT min(id) = 1 FROM t',
    ...works,
  },
  {
    name: 'smallint, all ids below zero',
    schema: 'CREATE TABLE t (id smallint PRIMARY KEY, x int);\nINSERT INTO t VALUES (-7, 1)',
    failing: 'INSERT INTO t (x) VALUES (1)',
    data: 'SELECT count(*) = 4 FROM t',
    ...works,
  },
  {
    name: 'a domain over uuid',
    schema: 'CREATE DOMAIN key AS uuid;\nCREATE TABLE t (id key PRIMARY KEY, x int)',
    failing: 'INSERT INTO t (x) VALUES (1)',
    ...works,
  },
  {
    name: 'a domain over bigint',
    schema: 'CREATE DOMAIN key AS bigint;\nCREATE TABLE t (id key PRIMARY KEY, x int)',
    failing: 'INSERT INTO t (x) VALUES (1)',
    ...works,
    repair: 'decides',
    sql: false,
  },
  ...['text', 'varchar', 'varchar(255)', 'varchar(36)', 'char(36)'].map(
    (type): DefectCase => ({
      name: `${type}: UUIDs, if somebody says so`,
      schema: `CREATE TABLE t (id ${type} PRIMARY KEY, x int)`,
      failing: 'INSERT INTO t (x) VALUES (1)',
      ...works,
      case: 'given-key',
      repair: 'decides',
      sql: true,
    }),
  ),
  ...[
    'varchar(20)',
    'char(2)',
    'numeric',
    'numeric(20,0)',
    'date',
    'timestamptz',
    'bytea',
    'inet',
    'double precision',
  ].map(
    (type): DefectCase => ({
      name: `${type}: nothing that the database makes fits`,
      schema: `CREATE TABLE t (id ${type} PRIMARY KEY, x int)`,
      failing: 'INSERT INTO t (x) VALUES (1)',
      ...works,
      case: 'given-key',
      repair: 'decides',
      sql: false,
    }),
  ),
  {
    name: 'an enum',
    schema: "CREATE TYPE mood AS ENUM ('a');\nCREATE TABLE t (id mood PRIMARY KEY, x int)",
    failing: 'INSERT INTO t (x) VALUES (1)',
    ...works,
    case: 'given-key',
    repair: 'decides',
    sql: false,
  },
  {
    name: 'a serial that lost its default',
    schema: `${SERIAL}ALTER TABLE inv ALTER id DROP DEFAULT`,
    failing: 'INSERT INTO inv (x) VALUES (1)',
    says: /inv_id_seq, which the column owns/,
    data: AFTER_FIVE,
    ...works,
  },
  {
    name: 'a serial that lost its default, its sequence behind the data',
    schema: `${SERIAL}ALTER TABLE inv ALTER id DROP DEFAULT;\nINSERT INTO inv SELECT n, 1 FROM generate_series(6, 100) n`,
    failing: 'INSERT INTO inv (x) VALUES (1)',
    data: 'SELECT max(id) = 103 FROM inv',
    ...works,
  },
  {
    name: 'a sequence that stands right on the highest id, not called yet',
    schema: `${SERIAL}ALTER TABLE inv ALTER id DROP DEFAULT;\nSELECT setval('inv_id_seq', 5, false)`,
    failing: 'INSERT INTO inv (x) VALUES (1)',
    data: AFTER_FIVE,
    ...works,
  },
  {
    name: 'a sequence that is ahead stays there',
    schema: `${SERIAL}ALTER TABLE inv ALTER id DROP DEFAULT;\nSELECT setval('inv_id_seq', 1000)`,
    failing: 'INSERT INTO inv (x) VALUES (1)',
    data: 'SELECT max(id) = 1003 FROM inv',
    ...works,
  },
  {
    name: 'a sequence without an owner, but of the serial’s name',
    schema:
      'CREATE TABLE inv (id bigint PRIMARY KEY, x int);\nCREATE SEQUENCE inv_id_seq;\nINSERT INTO inv VALUES (5, 1)',
    failing: 'INSERT INTO inv (x) VALUES (1)',
    says: /inv_id_seq/,
    data: 'SELECT max(id) = 8 FROM inv',
    ...works,
  },
  {
    name: 'a sequence of the serial’s name that another table uses',
    schema:
      "CREATE TABLE inv (id bigint PRIMARY KEY, x int);\nCREATE SEQUENCE inv_id_seq;\nCREATE TABLE other (id bigint DEFAULT nextval('inv_id_seq'));\nINSERT INTO inv VALUES (5, 1)",
    failing: 'INSERT INTO inv (x) VALUES (1)',
    says: /identity/,
    data: "SELECT max(id) = 8 AND nextval('inv_id_seq') = 1 FROM inv",
    ...works,
  },
  {
    name: 'a sequence that counts in tens',
    schema:
      'CREATE TABLE inv (id bigint PRIMARY KEY, x int);\nCREATE SEQUENCE inv_id_seq INCREMENT 10 START 7 OWNED BY inv.id;\nINSERT INTO inv VALUES (7, 1), (17, 1), (33, 1)',
    failing: 'INSERT INTO inv (x) VALUES (1)',
    data: 'SELECT min(id) = 47 AND max(id) = 67 FROM inv WHERE id > 33',
    ...works,
  },
  {
    name: 'a sequence that counts down',
    schema:
      'CREATE TABLE inv (id bigint PRIMARY KEY, x int);\nCREATE SEQUENCE inv_id_seq INCREMENT -1 OWNED BY inv.id;\nINSERT INTO inv VALUES (-5, 1)',
    failing: 'INSERT INTO inv (x) VALUES (1)',
    data: 'SELECT min(id) = -8 FROM inv',
    ...works,
  },
  {
    name: 'ids beyond the sequence’s own type',
    schema:
      'CREATE TABLE inv (id serial PRIMARY KEY, x int);\nALTER TABLE inv ALTER id TYPE bigint;\nALTER TABLE inv ALTER id DROP DEFAULT;\nINSERT INTO inv VALUES (3000000000, 1)',
    failing: 'INSERT INTO inv (x) VALUES (1)',
    data: 'SELECT max(id) = 3000000003 FROM inv',
    ...works,
  },
  {
    name: 'the role may not use the sequence',
    schema: `${SERIAL}ALTER TABLE inv ALTER id DROP DEFAULT`,
    failing: 'INSERT INTO inv (x) VALUES (1)',
    role: 'app',
    data: AFTER_FIVE,
    ...works,
  },
  {
    name: 'an identity for a role that owns nothing',
    schema: 'CREATE TABLE t (id bigint PRIMARY KEY, x int)',
    failing: 'INSERT INTO t (x) VALUES (1)',
    role: 'app',
    ...works,
  },
  {
    name: 'part of a composite key, with a sequence of its own',
    schema:
      'CREATE TABLE inv (tenant_id int, id serial, x int, PRIMARY KEY (tenant_id, id));\nINSERT INTO inv (tenant_id) VALUES (1), (1), (2), (2), (2);\nALTER TABLE inv ALTER id DROP DEFAULT',
    failing: 'INSERT INTO inv (tenant_id, x) VALUES (1, 1)',
    data: AFTER_FIVE,
    ...works,
  },
  {
    name: 'names that need quotes',
    schema:
      'CREATE TABLE "Order" ("Id" serial PRIMARY KEY, x int);\nALTER TABLE "Order" ALTER "Id" DROP DEFAULT',
    failing: 'INSERT INTO "Order" (x) VALUES (1)',
    data: 'SELECT count(*) = 3 FROM "Order"',
    ...works,
  },
  {
    name: 'an identity on a name that needs quotes',
    schema: `CREATE TABLE "it's ""one""" ("a b" bigint PRIMARY KEY, x int);\nINSERT INTO "it's ""one""" VALUES (5)`,
    failing: `INSERT INTO "it's ""one""" (x) VALUES (1)`,
    data: `SELECT max("a b") = 8 FROM "it's ""one"""`,
    ...works,
  },
  ...[
    ['VALUES (DEFAULT, …)', 'INSERT INTO t (id, x) VALUES (DEFAULT, 1)'],
    ['VALUES (DEFAULT, …) without columns', 'INSERT INTO t VALUES (DEFAULT, 1)'],
    ['DEFAULT VALUES', 'INSERT INTO t DEFAULT VALUES'],
    ['an alias', 'INSERT INTO t AS a (x) VALUES (1) RETURNING a.id'],
    ['rows of two kinds', 'INSERT INTO t (id, x) VALUES (gen_random_uuid(), 1), (DEFAULT, 2)'],
    ['INSERT … SELECT', 'INSERT INTO t (x) SELECT 1 FROM generate_series(1, 2)'],
    ['inside WITH', 'WITH new AS (INSERT INTO t (x) VALUES (1) RETURNING id) SELECT id FROM new'],
    ['beside a conflict', 'INSERT INTO t (x) VALUES (1) ON CONFLICT (id) DO UPDATE SET x = excluded.x'],
  ].map(([name, failing]): DefectCase => ({ name: name!, schema: UUID, failing: failing!, ...works })),
  {
    name: 'a short list of values',
    schema: 'CREATE TABLE t (x int, id uuid PRIMARY KEY)',
    failing: 'INSERT INTO t VALUES (1)',
    says: /leaves the column out/,
    ...works,
  },
  {
    name: 'MERGE',
    schema: UUID,
    failing:
      'MERGE INTO t USING (VALUES (1)) AS s (x) ON t.x = s.x + 1 WHEN NOT MATCHED THEN INSERT (x) VALUES (s.x)',
    from: 15,
    ...works,
  },
  {
    name: 'through a view',
    schema:
      'CREATE TABLE base (id uuid PRIMARY KEY, amount int);\nCREATE VIEW t AS SELECT id AS key, amount AS x FROM base WHERE amount > 0',
    failing: 'INSERT INTO t (x) VALUES (1)',
    says: /public\.base\.id/,
    ...works,
  },
  {
    name: 'through a view of a view',
    schema:
      'CREATE TABLE base (id uuid PRIMARY KEY, x int);\nCREATE VIEW v AS SELECT id AS key, x FROM base;\nCREATE VIEW t AS SELECT x AS y, key AS id FROM v',
    failing: 'INSERT INTO t (y) VALUES (1)',
    ...works,
  },
  {
    name: 'inside a function',
    schema:
      'CREATE TABLE t (id uuid PRIMARY KEY, x int);\nCREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN INSERT INTO t (x) VALUES (1); END $$',
    failing: 'SELECT f()',
    shown: 'INSERT INTO t (x) VALUES (1)',
    ...works,
  },
  {
    name: 'no statement in the log',
    schema: UUID,
    failing: 'INSERT INTO t (x) VALUES (1)',
    shown: null,
    says: /If statements leave the column out/,
    ...works,
  },
  {
    name: 'the call of a function is all that was logged',
    schema:
      'CREATE TABLE t (id uuid PRIMARY KEY, x int);\nCREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN INSERT INTO t (x) VALUES (1); END $$',
    failing: 'SELECT f()',
    says: /not an INSERT into or UPDATE of this table/,
    ...works,
  },
  {
    name: 'a partitioned table',
    schema:
      'CREATE TABLE t (id bigint PRIMARY KEY, x int) PARTITION BY HASH (id);\nCREATE TABLE t_0 PARTITION OF t FOR VALUES WITH (MODULUS 2, REMAINDER 0);\nCREATE TABLE t_1 PARTITION OF t FOR VALUES WITH (MODULUS 2, REMAINDER 1);\nINSERT INTO t SELECT n, 1 FROM generate_series(1, 9) n',
    failing: 'INSERT INTO t (x) VALUES (1)',
    // Without an id no partition is found: the server refuses before it looks at NOT NULL, unless NULL hashes to one.
    data: 'SELECT max(id) = 12 FROM t',
    ...works,
  },
  // The partition key has to be in the primary key.
  ...(
    [
      ['uuid', 'uuid', 'SELECT count(*) = 3 FROM events'],
      ['bigint', 'bigint', 'SELECT min(id) = 1 AND max(id) = 3 FROM events'],
    ] as const
  ).flatMap(([type, sql, data]): DefectCase[] => {
    const table = `CREATE TABLE events (id ${sql}, at timestamptz DEFAULT now(), v int, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);\nCREATE TABLE events_1 PARTITION OF events DEFAULT`;
    return [
      {
        name: `a partitioned table whose key holds the partition key too, ${type}`,
        schema: table,
        failing: 'INSERT INTO events (v) VALUES (1)',
        says: /events\.id belongs to the primary key \(id, at\)/,
        saysNot: /must supply/,
        data,
        ...works,
      },
      {
        name: `one whose id is named after it, ${type}, the partition key first, partitions of partitions`,
        schema: `CREATE TABLE events (at timestamptz DEFAULT now(), kind int, event_id ${sql}, v int, PRIMARY KEY (at, kind, event_id)) PARTITION BY RANGE (at);\nCREATE TABLE events_1 PARTITION OF events DEFAULT PARTITION BY LIST (kind);\nCREATE TABLE events_1_1 PARTITION OF events_1 DEFAULT`,
        failing: 'INSERT INTO events (kind, v) VALUES (1, 1)',
        ...works,
      },
      {
        name: `one whose other key column may be a reference, ${type}`,
        schema: table.replaceAll(/\bid\b/g, 'device_id'),
        failing: 'INSERT INTO events (v) VALUES (1)',
        says: /If public\.events\.device_id refers to a row of another table, the application must supply it/,
        ...works,
        repair: 'decides',
        sql: true,
      },
    ];
  }),
  {
    name: 'a table partitioned by its id, whose key holds another column too',
    schema:
      'CREATE TABLE events (id bigint, tenant_id int, v int, PRIMARY KEY (id, tenant_id)) PARTITION BY HASH (id);\nCREATE TABLE events_0 PARTITION OF events FOR VALUES WITH (MODULUS 1, REMAINDER 0)',
    failing: 'INSERT INTO events (tenant_id, v) VALUES (1, 1)',
    saysNot: /must supply/,
    ...works,
  },
  {
    name: 'an INSERT into a partition itself whose key holds the partition key too',
    schema:
      'CREATE TABLE events (id uuid, at timestamptz DEFAULT now(), v int, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);\nCREATE TABLE events_1 PARTITION OF events DEFAULT',
    failing: 'INSERT INTO events_1 (v) VALUES (1)',
    ...works,
    afterwards: 'INSERT INTO events (v) VALUES (1)',
  },
  {
    name: 'an INSERT into a partition itself, uuid',
    schema:
      'CREATE TABLE t (id uuid PRIMARY KEY, x int) PARTITION BY HASH (id);\nCREATE TABLE t_0 PARTITION OF t FOR VALUES WITH (MODULUS 2, REMAINDER 0);\nCREATE TABLE t_1 PARTITION OF t FOR VALUES WITH (MODULUS 2, REMAINDER 1)',
    failing: 'INSERT INTO t_0 (x) VALUES (1)',
    says: /partitioned by this column.*must write to public\.t\./,
    ...works,
    repair: 'decides',
    sql: true,
    afterwards: 'INSERT INTO t (x) VALUES (1)',
  },
  {
    name: 'an INSERT into a partition itself, partitioned by an expression',
    schema:
      "CREATE TABLE t (id uuid, x int) PARTITION BY LIST ((substr(id::text, 1, 1) < '8'));\nCREATE TABLE t_0 PARTITION OF t FOR VALUES IN (true);\nCREATE TABLE t_1 PARTITION OF t FOR VALUES IN (false);\nALTER TABLE t_0 ADD PRIMARY KEY (id)",
    failing: 'INSERT INTO t_0 (x) VALUES (1)',
    says: /must write to public\.t\./,
    ...works,
    repair: 'decides',
    sql: true,
    afterwards: 'INSERT INTO t (x) VALUES (1)',
  },
  {
    name: 'an INSERT into a partition itself, bigint, whose root could have an identity',
    schema:
      'CREATE TABLE t (id bigint PRIMARY KEY, x int) PARTITION BY HASH (id);\nCREATE TABLE t_0 PARTITION OF t FOR VALUES WITH (MODULUS 1, REMAINDER 0);\nINSERT INTO t VALUES (5, 1)',
    failing: 'INSERT INTO t_0 (x) VALUES (1)',
    says: /must write to/,
    ...works,
    repair: 'decides',
    afterwards: 'INSERT INTO t (x) VALUES (1)',
  },
  {
    name: 'an INSERT into a partition itself, which lacks the default of its root',
    schema:
      'CREATE TABLE t (id uuid DEFAULT gen_random_uuid() PRIMARY KEY, x int) PARTITION BY HASH (id);\nCREATE TABLE t_0 PARTITION OF t FOR VALUES WITH (MODULUS 2, REMAINDER 0);\nCREATE TABLE t_1 PARTITION OF t FOR VALUES WITH (MODULUS 2, REMAINDER 1);\nALTER TABLE t_0 ALTER id DROP DEFAULT',
    failing: 'INSERT INTO t_0 (x) VALUES (1)',
    ...works,
    case: 'partition-differs',
    repair: 'decides',
    afterwards: 'INSERT INTO t (x) VALUES (1)',
  },
  {
    name: 'an INSERT into a partition itself, of a partition’s own key',
    schema:
      'CREATE TABLE t (id uuid, x int) PARTITION BY LIST (x);\nCREATE TABLE t_1 PARTITION OF t FOR VALUES IN (1);\nALTER TABLE t_1 ADD PRIMARY KEY (id)',
    failing: 'INSERT INTO t_1 (x) VALUES (1)',
    ...works,
  },
  {
    name: 'a CHECK that the values may pass',
    schema:
      'CREATE TABLE t (id bigint PRIMARY KEY CONSTRAINT "In Range" CHECK (id BETWEEN 1 AND 999), x int)',
    failing: 'INSERT INTO t (x) VALUES (1)',
    says: /only if the generated values pass "In Range": read the CHECK constraint first/,
    ...works,
    repair: 'decides',
    sql: true,
  },
  {
    name: 'a CHECK that only UUIDs of another version pass',
    schema: "CREATE TABLE t (id uuid PRIMARY KEY, x int, CHECK (substr(id::text, 15, 1) = '7'))",
    failing: 'INSERT INTO t (x) VALUES (1)',
    ...works,
    repair: 'decides',
    afterwards:
      "INSERT INTO t (id, x) VALUES (overlay(gen_random_uuid()::text PLACING '7' FROM 15)::uuid, 1)",
  },
  {
    name: 'a CHECK of the domain',
    schema:
      "CREATE DOMAIN key AS uuid CHECK (substr(VALUE::text, 15, 1) = '4');\nCREATE TABLE t (id key PRIMARY KEY, x int)",
    failing: 'INSERT INTO t (x) VALUES (1)',
    says: /key_check/,
    ...works,
    repair: 'decides',
    sql: true,
  },
  {
    name: 'a CHECK that says what the key says already, and one of another column',
    schema: 'CREATE TABLE t ("Id" uuid PRIMARY KEY CHECK ("Id" IS NOT NULL), x int CHECK (x > 0))',
    failing: 'INSERT INTO t (x) VALUES (1)',
    ...works,
  },
  {
    name: 'a CHECK that is not enforced',
    schema: 'CREATE TABLE t (id bigint PRIMARY KEY, x int, CHECK (id < 0) NOT ENFORCED)',
    failing: 'INSERT INTO t (x) VALUES (1)',
    from: 18,
    ...works,
  },
  {
    name: 'NULL, and no default',
    schema: UUID,
    failing: 'INSERT INTO t (id, x) VALUES (NULL, 1)',
    case: 'explicit-null',
    verdict: 'application',
    says: /supplies NULL for it/,
    repair: 'decides',
    instead: 'INSERT INTO t (id, x) VALUES (gen_random_uuid(), 1)',
    afterwards: 'INSERT INTO t (x) VALUES (1)',
  },
  {
    name: 'a parameter that was NULL',
    schema: 'CREATE TABLE t (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), x int)',
    failing: (client) => client.query('INSERT INTO t (id, x) VALUES ($1, $2)', [null, 1]),
    shown: 'INSERT INTO t (id, x) VALUES ($1, $2)',
    case: 'explicit-null',
    verdict: 'application',
    repair: 'rewrites',
    instead: 'INSERT INTO t (id, x) VALUES (DEFAULT, 1)',
  },
  {
    name: 'NULL for an identity, without columns',
    schema: 'CREATE TABLE t (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, x int)',
    failing: 'INSERT INTO t VALUES (NULL, 1)',
    case: 'explicit-null',
    verdict: 'application',
    repair: 'rewrites',
    instead: 'INSERT INTO t VALUES (DEFAULT, 1)',
  },
  {
    name: 'the other tenant’s table has the default',
    schema:
      'CREATE SCHEMA one;\nCREATE SCHEMA two;\nCREATE TABLE one.t (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), x int);\nCREATE TABLE two.t (id uuid PRIMARY KEY, x int)',
    failing: async (client) => {
      await client.query('SET search_path = two');
      await client.query('INSERT INTO t (x) VALUES (1)').finally(() => client.query('RESET search_path'));
    },
    shown: 'INSERT INTO t (x) VALUES (1)',
    says: /^two\.t\.id/,
    ...works,
  },
  {
    name: 'set since',
    schema: UUID,
    failing: 'INSERT INTO t (x) VALUES (1)',
    since: 'ALTER TABLE t ALTER id SET DEFAULT gen_random_uuid()',
    case: 'not-reproduced',
    verdict: 'not-reproduced',
    says: /catalog keeps no timestamps/,
    saysNot: /after the error|since/,
    repair: 'rewrites',
  },
];
