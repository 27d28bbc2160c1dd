/** Privileges and row security. */
import { type Change, change, GRANT, INSERT, PLUS, READ, ROLE, ROW, T, VIEW } from './change';

const GUARDED = `${ROW}; ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON t TO ${ROLE} USING (id < 3)`;
const INSERT2 = ['INSERT INTO t (id, email) VALUES ($1, $2)', [2, 'b']] as const;
const VIEWED = `${ROW}; CREATE VIEW v AS SELECT id, email FROM t; GRANT CREATE ON SCHEMA public TO ${ROLE}`;
const FRESH = 'CREATE TABLE fresh AS SELECT id, email FROM t; DROP VIEW v';
const READ_VIEW = ['SELECT email FROM v WHERE id = $1', [1]] as const;
/** The privileges of a view with `security_invoker` are those of the statement's role, also below a view with its owner's. */
const BELOW = (options: string): string =>
  `CREATE SCHEMA shop; CREATE TABLE shop.base AS SELECT 1 AS id, 'a' AS email;
   CREATE VIEW below ${options} AS SELECT * FROM shop.base; CREATE VIEW v AS SELECT * FROM below`;
const POLICY = `ALTER TABLE shop.base ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON shop.base TO ${ROLE} USING (id < 3); GRANT SELECT ON shop.base TO ${ROLE}`;
const SHOP = `CREATE SCHEMA shop; GRANT USAGE ON SCHEMA shop TO ${ROLE}`;
const CLOSED = `REVOKE USAGE ON SCHEMA shop FROM ${ROLE}`;

export const RIGHTS: readonly Change[] = [
  change(
    'a view in place of the table, without the grants of the table',
    [ROW, VIEW],
    READ,
    'refuses by privilege: lost-privilege',
    '42501',
  ),
  change(
    'a table created again without its grants',
    [T, `DROP TABLE t; ${T}`],
    INSERT,
    'refuses by privilege: lost-privilege',
    '42501',
  ),
  change(
    'a privilege revoked',
    [T, `REVOKE INSERT ON t FROM ${ROLE}`],
    INSERT,
    'refuses by privilege: lost-privilege',
    '42501',
  ),
  change(
    'a privilege that the statement does not need is revoked',
    [T, `REVOKE SELECT, UPDATE, DELETE ON t FROM ${ROLE}`],
    INSERT,
    'nothing',
    'ok',
  ),
  change(
    'EXECUTE on a function revoked',
    [PLUS, 'REVOKE EXECUTE ON FUNCTION plus FROM PUBLIC'],
    ['SELECT plus($1)', [1]],
    'refuses by privilege: lost-privilege',
    '42501',
  ),
  change(
    'row security enabled without a policy, and the statement reads',
    [ROW, 'ALTER TABLE t ENABLE ROW LEVEL SECURITY'],
    READ,
    'refuses by row-security: no-policy',
    'ok',
  ),
  change(
    'row security enabled without a policy, and the statement writes',
    [T, 'ALTER TABLE t ENABLE ROW LEVEL SECURITY'],
    INSERT,
    'refuses by row-security: no-policy',
    '42501',
  ),
  change(
    'row security enabled with a policy',
    [ROW, `ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON t TO ${ROLE} USING (id = 1)`],
    READ,
    'warns by row-security: policies',
    'rows',
  ),
  change(
    'a view with its owner’s rights in place of a table with row security',
    [GUARDED, `ALTER TABLE t RENAME TO base; CREATE VIEW t AS SELECT * FROM base; ${GRANT}`],
    READ,
    'refuses by lost-row-security: unguarded',
    'rows',
  ),
  change(
    'the same, written',
    [GUARDED, `ALTER TABLE t RENAME TO base; CREATE VIEW t AS SELECT * FROM base; ${GRANT}`],
    INSERT2,
    'refuses by lost-row-security: unguarded',
    'ok',
  ),
  change(
    'row security disabled',
    [GUARDED, 'ALTER TABLE t DISABLE ROW LEVEL SECURITY'],
    READ,
    'refuses by lost-row-security: unguarded',
    'rows',
  ),
  change(
    'a copy without row security in place of the table',
    [GUARDED, `ALTER TABLE t RENAME TO old; CREATE TABLE t AS SELECT * FROM old; ${GRANT}`],
    READ,
    'refuses by lost-row-security: unguarded',
    'rows',
  ),
  change(
    'a view over a table with row security, which another one reads instead',
    [
      `${GUARDED}; CREATE VIEW v AS SELECT * FROM t; ALTER VIEW v OWNER TO ${ROLE}; GRANT CREATE ON SCHEMA public TO ${ROLE}`,
      `CREATE TABLE copy AS SELECT * FROM t; CREATE OR REPLACE VIEW v AS SELECT * FROM copy; GRANT ALL ON copy TO ${ROLE}`,
    ],
    READ_VIEW,
    'refuses by lost-row-security: unguarded',
    'rows',
  ),
  change(
    'a table with row security renamed, and a view that is subject to it',
    [
      `${GUARDED}; ALTER TABLE t FORCE ROW LEVEL SECURITY; ALTER TABLE t OWNER TO ${ROLE}`,
      `ALTER TABLE t RENAME TO base; CREATE VIEW t AS SELECT * FROM base; ALTER VIEW t OWNER TO ${ROLE}`,
    ],
    READ,
    'nothing',
    'rows',
  ),
  ...['true', 'on', '1', 'YES'].map((spelling) =>
    change(
      `a view made one of \`security_invoker = ${spelling}\`, without a privilege on its table`,
      [VIEWED, `REVOKE ALL ON t FROM ${ROLE}; ALTER VIEW v SET (security_invoker = ${spelling})`],
      READ_VIEW,
      'refuses by privilege: lost-privilege',
      '42501',
      { since: 15 },
    ),
  ),
  change(
    'a view made one of `security_invoker = off`',
    [VIEWED, `REVOKE ALL ON t FROM ${ROLE}; ALTER VIEW v SET (security_invoker = off)`],
    READ_VIEW,
    'nothing',
    'rows',
    { since: 15 },
  ),
  change(
    'a view of `security_invoker` created again over a new table without a grant',
    [
      VIEWED,
      `${FRESH}; CREATE VIEW v WITH (security_invoker = on) AS SELECT * FROM fresh; GRANT ALL ON v TO ${ROLE}`,
    ],
    READ_VIEW,
    'refuses by privilege: lost-privilege',
    '42501',
    { since: 15 },
  ),
  change(
    'a view created again over a new table',
    [VIEWED, `${FRESH}; CREATE VIEW v AS SELECT * FROM fresh; GRANT ALL ON v TO ${ROLE}`],
    READ_VIEW,
    'nothing',
    'rows',
  ),
  change(
    'a view below another view made one of `security_invoker`, without a privilege on its table',
    [BELOW(''), 'ALTER VIEW below SET (security_invoker = on)'],
    READ_VIEW,
    'refuses by privilege: lost-privilege',
    '42501',
    { since: 15 },
  ),
  change(
    'a view below another view made one of its owner’s rights, over a table with row security',
    [`${BELOW('WITH (security_invoker)')}; ${POLICY}`, 'ALTER VIEW below RESET (security_invoker)'],
    READ_VIEW,
    'refuses by lost-row-security: unguarded',
    'rows',
    { since: 15 },
  ),
  change(
    'row security disabled on one table, and enabled on another one',
    [
      `${GUARDED}; CREATE TABLE u AS SELECT 1 AS id`,
      `ALTER TABLE t DISABLE ROW LEVEL SECURITY; ALTER TABLE u ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON u USING (true)`,
    ],
    ['SELECT t.email FROM t, u', []],
    'refuses by lost-row-security: unguarded',
    'rows',
  ),
  change(
    'a function created again for another type, without EXECUTE',
    [
      PLUS,
      `DROP FUNCTION plus; ${PLUS.replace('a int', 'a bigint')}; REVOKE EXECUTE ON FUNCTION plus FROM PUBLIC`,
    ],
    ['SELECT plus(1)', []],
    'refuses by privilege: lost-privilege',
    '42501',
  ),
  change(
    'a second function added without EXECUTE, which the statement does not call',
    [
      PLUS,
      `${PLUS.replace('a int', 'a text').replace('a + b', 'b')}; REVOKE EXECUTE ON FUNCTION plus(text, int) FROM PUBLIC`,
    ],
    ['SELECT plus(1)', []],
    'nothing',
    'rows',
  ),
  ...[
    ['function', PLUS.replace('plus', 'shop.plus'), 'SELECT shop.plus(1)'],
    ['type', "CREATE TYPE shop.mood AS ENUM ('glad')", "SELECT 'glad'::shop.mood"],
    ['sequence', `CREATE SEQUENCE shop.s; GRANT ALL ON shop.s TO ${ROLE}`, "SELECT nextval('shop.s')"],
  ].map(([what, sql, text]) =>
    change(
      `USAGE of the schema of a ${what} revoked`,
      [`${SHOP}; ${sql}`, CLOSED],
      [text!, []],
      'refuses by privilege: lost-privilege',
      '42501',
    ),
  ),
];
