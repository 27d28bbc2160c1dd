/** What runs or is read behind the tables that a statement names: expressions, sequences, settings, publications, data. */
import { type Change, change, ENUM, INSERT, ROLE, T } from './change';

const F =
  'CREATE FUNCTION f(a int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RETURN a; END $$; REVOKE EXECUTE ON FUNCTION f FROM PUBLIC';
const GRANTED = `${F}; GRANT EXECUTE ON FUNCTION f TO ${ROLE}`;
const REVOKE = `REVOKE EXECUTE ON FUNCTION f FROM ${ROLE}`;
const INLINED =
  "CREATE FUNCTION f(a int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT a'; REVOKE EXECUTE ON FUNCTION f FROM PUBLIC";
const C = 'CREATE TABLE c (id int, a int, b int)';
const PUT = ['INSERT INTO c (id, b) VALUES ($1, $2)', [1, 2]] as const;
const PUT_A = ['INSERT INTO c (id, a, b) VALUES ($1, $2, $3)', [1, 2, 3]] as const;
const SET_B = ['UPDATE c SET b = $1 WHERE id = $2', [1, 2]] as const;
const SET_A = ['UPDATE c SET a = $1 WHERE b = $2', [1, 2]] as const;
const LACKS = 'refuses by privilege: behind';

/** Of each expression: an INSERT, and an UPDATE that sets its column. */
const EXPRESSIONS: readonly (readonly [what: string, sql: string, table?: string, since?: number])[] = [
  ['a CHECK', 'ALTER TABLE c ADD CHECK (f(b) < 100)'],
  ['an index', 'CREATE INDEX ON c (f(b))'],
  ['the predicate of an index', 'CREATE INDEX ON c (id) WHERE f(b) > 0'],
  ['a generated column', 'ALTER TABLE c ADD g int GENERATED ALWAYS AS (f(b)) STORED'],
  ['a CHECK of a domain', 'CREATE DOMAIN d AS int CHECK (f(VALUE) < 100); ALTER TABLE c ALTER b TYPE d'],
  [
    'the condition of a trigger',
    `CREATE FUNCTION g() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
     CREATE TRIGGER g BEFORE INSERT OR UPDATE ON c FOR EACH ROW WHEN (f(NEW.b) > 0) EXECUTE FUNCTION g()`,
  ],
  [
    'a CHECK of a partition',
    'ALTER TABLE c1 ADD CHECK (f(b) < 100)',
    `${C} PARTITION BY LIST (id); CREATE TABLE c1 PARTITION OF c DEFAULT`,
  ],
];

export const BEHIND: readonly Change[] = [
  ...EXPRESSIONS.map(([what, sql, table = C]) =>
    change(
      `${what} that calls a function its role may not run, under INSERT`,
      [`${F}; ${table}`, sql],
      PUT,
      LACKS,
      '42501',
    ),
  ),
  ...EXPRESSIONS.slice(3, 5).map(([what, sql, table = `${C}; INSERT INTO c VALUES (2)`]) =>
    change(
      `${what} that calls such a function, under UPDATE of its column`,
      [`${F}; ${table}; INSERT INTO c VALUES (2, 2, 2)`, sql],
      SET_B,
      LACKS,
      '42501',
    ),
  ),
  change(
    'a generated column that calls such a function, under UPDATE of another column',
    [`${F}; ${C}`, 'ALTER TABLE c ADD g int GENERATED ALWAYS AS (f(id)) STORED'],
    ['UPDATE c SET a = $1 WHERE b = $2', [1, 2]],
    'nothing',
    'ok',
  ),
  change(
    'a CHECK that calls such a function, under UPDATE of another column',
    [`${F}; ${C}; INSERT INTO c VALUES (2, 2, 2)`, 'ALTER TABLE c ADD CHECK (f(b) < 100)'],
    SET_A,
    LACKS,
    '42501',
  ),
  change(
    'a CHECK that calls such a function, under DELETE',
    [`${F}; ${C}; INSERT INTO c VALUES (2, 2, 2)`, 'ALTER TABLE c ADD CHECK (f(b) < 100)'],
    ['DELETE FROM c WHERE id = $1', [2]],
    'nothing',
    'ok',
  ),
  change(
    'a CHECK that calls such a function, on a table behind a view',
    [
      `${F}; CREATE TABLE base (id int, b int); CREATE VIEW c AS SELECT id, b FROM base`,
      'ALTER TABLE base ADD CHECK (f(b) < 100)',
    ],
    PUT,
    LACKS,
    '42501',
  ),
  change(
    'a default that calls such a function, of a column left out',
    [`${F}; ${C}`, 'ALTER TABLE c ALTER a SET DEFAULT f(1)'],
    PUT,
    LACKS,
    '42501',
  ),
  change(
    'the same, of a function that the planner inlines',
    [`${INLINED}; ${C}`, 'ALTER TABLE c ALTER a SET DEFAULT f(1)'],
    PUT,
    LACKS,
    '42501',
  ),
  change(
    'the same, of a column that the statement gives',
    [`${F}; ${C}`, 'ALTER TABLE c ALTER a SET DEFAULT f(1)'],
    PUT_A,
    'nothing',
    'ok',
  ),
  change(
    'the same, under UPDATE that sets the column to its default',
    [`${F}; ${C}; INSERT INTO c VALUES (1, 2, 3)`, 'ALTER TABLE c ALTER a SET DEFAULT f(1)'],
    ['UPDATE c SET b = $1, a = DEFAULT WHERE id = 1', [1]],
    LACKS,
    '42501',
  ),
  change(
    'the same, in a list of columns',
    [`${F}; ${C}; INSERT INTO c VALUES (1, 2, 3)`, 'ALTER TABLE c ALTER a SET DEFAULT f(1)'],
    ['UPDATE c SET (b, a) = (3, DEFAULT) WHERE id = 1', []],
    LACKS,
    '42501',
  ),
  change(
    'the same, and another column is set to its default',
    [`${F}; ${C}; INSERT INTO c VALUES (1, 2, 3)`, 'ALTER TABLE c ALTER a SET DEFAULT f(1)'],
    ['UPDATE c SET b = DEFAULT, a = $1 WHERE id = 1', [1]],
    'nothing',
    'ok',
  ),
  change(
    'the same, of a column that the INSERT of a MERGE leaves out',
    [`${F}; ${C}`, 'ALTER TABLE c ALTER a SET DEFAULT f(1)'],
    [
      'MERGE INTO c USING (VALUES (1)) AS s (k) ON c.id = s.k WHEN NOT MATCHED THEN INSERT (id, b) VALUES (s.k, 2)',
      [],
    ],
    LACKS,
    '42501',
    { since: 15 },
  ),
  change(
    'the same, of a column that it gives',
    [`${F}; ${C}`, 'ALTER TABLE c ALTER a SET DEFAULT f(1)'],
    [
      'MERGE INTO c USING (VALUES (1)) AS s (k) ON c.id = s.k WHEN NOT MATCHED THEN INSERT (id, a) VALUES (s.k, 2)',
      [],
    ],
    'nothing',
    'ok',
    { since: 15 },
  ),
  change(
    'EXECUTE on a function behind a default is revoked',
    [`${GRANTED}; CREATE TABLE c (id int, a int DEFAULT f(1), b int)`, REVOKE],
    PUT,
    LACKS,
    '42501',
  ),
  change(
    'EXECUTE on a function behind a CHECK is revoked',
    [`${GRANTED}; CREATE TABLE c (id int, a int, b int CHECK (f(b) < 100))`, REVOKE],
    PUT,
    LACKS,
    '42501',
  ),
  change(
    'EXECUTE on a function behind a generated column is revoked, and the column has a space and a symbol in its name',
    [
      `${GRANTED}; CREATE TABLE c (id int, a int, "b-c $1" int, g int GENERATED ALWAYS AS (f("b-c $1")) STORED); INSERT INTO c VALUES (1)`,
      REVOKE,
    ],
    ['UPDATE c SET "b-c $1" = $1 WHERE id = 1', [2]],
    LACKS,
    '42501',
  ),
  change(
    'EXECUTE on a function that a policy calls is revoked',
    [
      `${GRANTED}; ${C}; INSERT INTO c VALUES (2, 2, 2); ALTER TABLE c ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON c USING (f(b) > 0)`,
      REVOKE,
    ],
    ['SELECT id FROM c WHERE a = $1', [2]],
    LACKS,
    '42501',
  ),
  change(
    'a default moved to a sequence without a grant',
    [
      `CREATE TABLE c (id int, a serial, b int); GRANT ALL ON c_a_seq TO ${ROLE}`,
      "CREATE SEQUENCE next; ALTER TABLE c ALTER a SET DEFAULT nextval('next')",
    ],
    PUT,
    LACKS,
    '42501',
  ),
  change(
    'a privilege revoked on a sequence behind a default',
    [
      `CREATE TABLE c (id int, a serial, b int); GRANT ALL ON c_a_seq TO ${ROLE}`,
      `REVOKE ALL ON c_a_seq FROM ${ROLE}`,
    ],
    PUT,
    LACKS,
    '42501',
  ),
  change(
    'a privilege revoked on a sequence behind the default of a domain',
    [
      `CREATE SEQUENCE numbers; GRANT ALL ON numbers TO ${ROLE}; CREATE DOMAIN number AS int DEFAULT nextval('numbers'); CREATE TABLE c (id number, b int)`,
      `REVOKE ALL ON numbers FROM ${ROLE}`,
    ],
    ['INSERT INTO c (b) VALUES ($1)', [1]],
    LACKS,
    '42501',
  ),
  change(
    'the same, and the statement gives the column',
    [
      `CREATE TABLE c (id int, a serial, b int); GRANT ALL ON c_a_seq TO ${ROLE}`,
      `REVOKE ALL ON c_a_seq FROM ${ROLE}`,
    ],
    PUT_A,
    'nothing',
    'ok',
  ),
  change(
    'the same, and UPDATE on the sequence stays',
    [
      `CREATE TABLE c (id int, a serial, b int); GRANT ALL ON c_a_seq TO ${ROLE}`,
      `REVOKE USAGE ON c_a_seq FROM ${ROLE}`,
    ],
    PUT,
    'nothing',
    'ok',
  ),
  change(
    'an identity column in place of a sequence that its role may use',
    [
      `CREATE TABLE c (id int, a serial, b int); GRANT ALL ON c_a_seq TO ${ROLE}`,
      'ALTER TABLE c ALTER a DROP DEFAULT; DROP SEQUENCE c_a_seq; ALTER TABLE c ALTER a ADD GENERATED BY DEFAULT AS IDENTITY',
    ],
    PUT,
    'nothing',
    'ok',
  ),
  change(
    'a privilege revoked on a sequence that the statement names',
    [`CREATE SEQUENCE numbers; GRANT ALL ON numbers TO ${ROLE}`, `REVOKE ALL ON numbers FROM ${ROLE}`],
    ["SELECT nextval('numbers')", []],
    LACKS,
    '42501',
  ),
  change(
    'the same of a sequence whose name is a value',
    [`CREATE SEQUENCE numbers; GRANT ALL ON numbers TO ${ROLE}`, `REVOKE ALL ON numbers FROM ${ROLE}`],
    ['SELECT nextval($1)', ['numbers']],
    'warns by plan: sequence',
    '42501',
  ),
  change(
    'a materialized view refreshed without data',
    [`${T}; CREATE MATERIALIZED VIEW m AS SELECT id FROM t`, 'REFRESH MATERIALIZED VIEW m WITH NO DATA'],
    ['SELECT id FROM m WHERE id = $1', [1]],
    'refuses by plan: unpopulated 55000',
    '55000',
  ),
  change(
    'a materialized view created again without data, behind a view',
    [
      `${T}; CREATE MATERIALIZED VIEW m AS SELECT id FROM t; CREATE VIEW v AS SELECT id FROM m`,
      `DROP MATERIALIZED VIEW m CASCADE; CREATE MATERIALIZED VIEW m AS SELECT id FROM t WITH NO DATA; CREATE VIEW v AS SELECT id FROM m; GRANT ALL ON v TO ${ROLE}`,
    ],
    ['INSERT INTO t (id) SELECT id FROM v', []],
    'refuses by plan: unpopulated 55000',
    '55000',
  ),
  change(
    'a materialized view created again and filled',
    [
      `${T}; CREATE MATERIALIZED VIEW m AS SELECT id FROM t`,
      `DROP MATERIALIZED VIEW m; CREATE MATERIALIZED VIEW m AS SELECT id FROM t WITH NO DATA; REFRESH MATERIALIZED VIEW m; GRANT ALL ON m TO ${ROLE}`,
    ],
    ['SELECT id FROM m WHERE id = $1', [1]],
    'nothing',
    'ok',
  ),
  ...[`ROLE ${ROLE}`, 'DATABASE the_database', `ROLE ${ROLE} IN DATABASE the_database`].flatMap((whose) => [
    change(
      `\`ALTER ${named(whose)} SET search_path\` to a schema without the table`,
      [T, `CREATE SCHEMA shop; GRANT USAGE ON SCHEMA shop TO ${ROLE}; ALTER ${whose} SET search_path = shop`],
      INSERT,
      whose.startsWith('ROLE') || whose.startsWith('DATABASE') ? 'refuses by plan: fails 42P01' : 'nothing',
      '42P01',
      { connects: true },
    ),
    change(
      `\`ALTER ${named(whose)} SET search_path\` to a schema with another table of this name`,
      [
        T,
        `CREATE SCHEMA shop; GRANT USAGE ON SCHEMA shop TO ${ROLE}; CREATE TABLE shop.t (LIKE t); GRANT ALL ON shop.t TO ${ROLE}; ALTER ${whose} SET search_path = shop, public`,
      ],
      INSERT,
      'refuses by path: resolves',
      'ok',
      { connects: true },
    ),
  ]),
  ...[
    [
      'function',
      'CREATE FUNCTION SCHEMA.pick(a int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN a; END $$',
      'SELECT pick(1)',
    ],
    [
      'sequence',
      `CREATE SEQUENCE SCHEMA.numbers; GRANT ALL ON SCHEMA.numbers TO ${ROLE}`,
      "SELECT nextval('numbers')",
    ],
  ].flatMap(([what, sql, text]) =>
    (
      [
        [`${what} of this name`, text!, 'refuses by path: resolves'],
        [
          `${what} of this name, which the statement does not mean`,
          text!.replace(/(pick|numbers)/, 'public.$1'),
          'nothing',
        ],
      ] as const
    ).map(([other, sent, verdict]) =>
      change(
        `\`ALTER ROLE … SET search_path\` to a schema with another ${other}`,
        [
          sql!.replaceAll('SCHEMA', 'public'),
          `CREATE SCHEMA shop; GRANT USAGE ON SCHEMA shop TO ${ROLE}; ${sql!.replaceAll('SCHEMA', 'shop')}; ALTER ROLE ${ROLE} SET search_path = shop, public`,
        ],
        [sent, []],
        verdict,
        'rows',
        { connects: true },
      ),
    ),
  ),
  change(
    '`ALTER ROLE … SET search_path` to a path that finds the same',
    [T, `CREATE SCHEMA shop; ALTER ROLE ${ROLE} SET search_path = shop, public`],
    INSERT,
    'nothing',
    'ok',
    { connects: true },
  ),
  change(
    'the primary key of a published table dropped, under UPDATE',
    [`${T}; CREATE PUBLICATION published FOR TABLE t`, 'ALTER TABLE t DROP CONSTRAINT t_pkey'],
    ['UPDATE t SET email = $1 WHERE id = $2', ['a', 1]],
    'refuses by plan: unidentified 55000',
    '55000',
  ),
  change(
    'REPLICA IDENTITY NOTHING for a published table, under DELETE',
    [`${T}; CREATE PUBLICATION published FOR TABLE t`, 'ALTER TABLE t REPLICA IDENTITY NOTHING'],
    ['DELETE FROM t WHERE id = $1', [1]],
    'refuses by plan: unidentified 55000',
    '55000',
  ),
  change(
    'the same, under INSERT',
    [`${T}; CREATE PUBLICATION published FOR TABLE t`, 'ALTER TABLE t REPLICA IDENTITY NOTHING'],
    INSERT,
    'nothing',
    'ok',
  ),
  change(
    'the primary key of a published table with REPLICA IDENTITY FULL is dropped',
    [
      `${T}; CREATE PUBLICATION published FOR TABLE t; ALTER TABLE t REPLICA IDENTITY FULL`,
      'ALTER TABLE t DROP CONSTRAINT t_pkey',
    ],
    ['UPDATE t SET email = $1 WHERE id = $2', ['a', 1]],
    'nothing',
    'ok',
  ),
  change(
    'a table without a primary key published, under UPDATE',
    ['CREATE TABLE t (id int, email text)', 'CREATE PUBLICATION published FOR TABLE t'],
    ['UPDATE t SET email = $1 WHERE id = $2', ['a', 1]],
    'refuses by plan: unidentified 55000',
    '55000',
  ),
  ...[
    ['a condition', "(status = 'new')"],
    ['a list of columns', '(email, status)'],
  ].map(([what, of]) =>
    change(
      `a table published with ${what} that its replica identity does not have, under UPDATE`,
      [T, `CREATE PUBLICATION published FOR TABLE t ${what === 'a condition' ? 'WHERE ' : ''}${of}`],
      ['UPDATE t SET email = $1 WHERE id = $2', ['a', 1]],
      'refuses by plan: unidentified 42P10',
      '42P10',
      { since: 15 },
    ),
  ),
  change(
    'an enum label that a constant in the statement uses is renamed',
    [ENUM, "ALTER TYPE mood RENAME VALUE 'glad' TO 'happy'"],
    ["SELECT id FROM t WHERE mood = 'glad'", []],
    'refuses by plan: fails 22P02',
    '22P02',
    { prepared: 'ok' },
  ),
  change(
    'an enum created again without a label that a constant in the statement uses',
    [ENUM, REBUILT("'sad'")],
    ["INSERT INTO t VALUES ($1, 'glad')", [1]],
    'refuses by plan: fails 22P02',
    '22P02',
  ),
  change(
    'an enum label that a value uses is renamed',
    [ENUM, "ALTER TYPE mood RENAME VALUE 'glad' TO 'happy'"],
    ['INSERT INTO t VALUES ($1, $2)', [1, 'glad']],
    'warns by type: label',
    '22P02',
  ),
  change(
    'an enum created again without a label that a value uses',
    [ENUM, REBUILT("'sad'")],
    ['INSERT INTO t VALUES ($1, $2)', [1, 'glad']],
    'warns by type: label',
    '22P02',
    { prepared: 'XX000' },
  ),
  change(
    'an enum created again with an additional label',
    [ENUM, REBUILT("'glad', 'sad', 'so'")],
    ['INSERT INTO t VALUES ($1, $2)', [1, 'glad']],
    'warns by type: prepared',
    'ok',
    { prepared: 'XX000' },
  ),
  change(
    'a wider numeric, under RETURNING',
    ['CREATE TABLE t (price numeric(8, 2))', 'ALTER TABLE t ALTER price TYPE numeric(18, 2)'],
    ['INSERT INTO t VALUES ($1) RETURNING price', [1]],
    'warns by type: length',
    'rows',
    { prepared: '0A000' },
  ),
  change(
    'a wider numeric that is only compared',
    ['CREATE TABLE t (id int, price numeric(8, 2))', 'ALTER TABLE t ALTER price TYPE numeric(18, 2)'],
    ['SELECT id FROM t WHERE price > $1', [1]],
    'nothing',
    'ok',
  ),
  change(
    'an inet column made text that is only written',
    ['CREATE TABLE t (id int, ip inet)', 'ALTER TABLE t ALTER ip TYPE text'],
    ['INSERT INTO t (id, ip) VALUES ($1, $2)', [1, '10.0.0.1']],
    'warns by type: parameter',
    'ok',
  ),
  change(
    'the same, under UPDATE',
    ['CREATE TABLE t (id int, ip inet)', 'ALTER TABLE t ALTER ip TYPE text'],
    ['UPDATE t SET ip = $1 WHERE id = $2', ['10.0.0.1', 1]],
    'warns by type: parameter',
    'ok',
  ),
  change(
    'the same, and it is compared',
    ['CREATE TABLE t (id int, ip inet)', 'ALTER TABLE t ALTER ip TYPE text'],
    ['SELECT id FROM t WHERE ip = $1', ['10.0.0.1']],
    'refuses by type: parameter',
    'ok',
    { prepared: '42883' },
  ),
];

function named(whose: string): string {
  return whose.replace(ROLE, '…').replace('the_database', '…');
}

function REBUILT(labels: string): string {
  return `CREATE TYPE fresh AS ENUM (${labels}); ALTER TABLE t ALTER mood TYPE fresh USING mood::text::fresh; DROP TYPE mood; ALTER TYPE fresh RENAME TO mood`;
}
