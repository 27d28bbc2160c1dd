import { quoteIdentifier, quoteLiteral, quoteTextArray } from '../postgres/quote';
import { APPLICATION_TABLES, TABLE_NAME } from './catalogue';
import type { DefectKind, DefectObject } from './defect';
import { lastName, makesUnique, mentions, NEVER, speaksOf } from './names';
import { ON_CONFLICT } from './signatures';
import { nameOf, tokens } from './sql-tokens';

/** Unique and exclusion indexes, in words: what an ON CONFLICT clause can refer to. */
export const conflictTargetsSql = (condition: string): string => `
SELECT ${TABLE_NAME} AS "table", quote_ident(x.relname) AS object,
  format('%I on %I.%I (%s)%s%s.', x.relname, n.nspname, c.relname,
    (SELECT string_agg(pg_get_indexdef(i.indexrelid, k, true), ', ' ORDER BY k) FROM generate_series(1, i.indnkeyatts) k),
    CASE WHEN i.indpred IS NULL THEN '' ELSE ' WHERE ' || pg_get_expr(i.indpred, i.indrelid, true) END,
    CASE WHEN i.indisvalid THEN '' ELSE ', INVALID' END) AS sentence
FROM pg_index i
JOIN pg_class x ON x.oid = i.indexrelid
JOIN pg_class c ON c.oid = i.indrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE i.indisunique AND ${APPLICATION_TABLES} AND NOT c.relispartition AND ${condition}
  AND ($1::text IS NULL OR c.relname = $1)
  AND ($2::text IS NULL OR EXISTS (SELECT FROM pg_attribute a
    WHERE a.attrelid = c.oid AND a.attname = $2 AND a.attnum = ANY (i.indkey)))
ORDER BY 1, 2`;

export const missingConflictTarget: DefectKind = {
  id: 'missing-conflict-target',
  title: 'ON CONFLICT names columns that no unique index covers',
  sqlstates: ['42P10'],
  log: ON_CONFLICT,
  impact:
    'The INSERT fails every time, whatever its values are, and so does all that follows in the same transaction.',
  origin:
    'The migration that makes the unique index exists but was never run on this database, or it failed half way and ' +
    'left the index INVALID. A constraint of the same name over other columns does not serve.',
  catalogue: {
    sql: conflictTargetsSql('true'),
    rows: 'evidence',
    blind:
      "It lists the unique indexes that exist. Which one is missing, the application's statement says: an index " +
      'serves ON CONFLICT (a, b) when it is valid, unique, over just these columns in any order, and not partial.',
  },
  repair: (object) => ({
    words:
      'Make the unique index. Rows that already violate it have to be found and settled first, or the build fails and ' +
      'leaves an INVALID index behind.',
    sql: [
      `SELECT ${columns(object)}, count(*) FROM ${object.table}${where(object)} GROUP BY ${columns(object)} HAVING count(*) > 1;`,
      `CREATE UNIQUE INDEX CONCURRENTLY ${indexName(object)} ON ${object.table} (${columns(object)})${where(object)};`,
    ],
  }),
  verification: (object) =>
    `SELECT trueup.on_conflict_target(${quoteLiteral(object.table)}, ${quoteTextArray(object.columns)}` +
    `${object.detail === null ? '' : `, ${quoteLiteral(object.detail)}`})`,
  covers: (migration, object) =>
    migration.statements.some(
      (sql) => mentions(sql, lastName(object.table ?? '')) && makesUnique(sql, object.columns),
    ) ||
    speaksOf(migration, [object.table, ...object.columns], {
      statement: NEVER,
      verify: /indexed|on_conflict|_pk/i,
    }),
  example: {
    schema: 'CREATE TABLE student_course_purchases (student_id bigint NOT NULL, course_id bigint NOT NULL);',
    statement:
      'INSERT INTO student_course_purchases (student_id, course_id) VALUES (1, 2) ' +
      'ON CONFLICT (student_id, course_id) DO NOTHING',
    object: {
      table: 'public.student_course_purchases',
      column: null,
      columns: ['student_id', 'course_id'],
      name: null,
      detail: null,
    },
  },
};

/** The statement's predicate, which a partial index needs. */
const where = ({ detail }: DefectObject): string => (detail === null ? '' : ` WHERE ${detail}`);
const columns = (object: DefectObject): string => object.columns.join(', ');

const LONGEST_NAME = 63;

/**
 * With a name, since a migration cannot find again what the server names by itself. It is the one that the server gives
 * a UNIQUE constraint over these columns (makeObjectName in PostgreSQL's indexcmds.c), ready for SQL; `_idx` would be
 * that of a plain index, which may be there already.
 */
function indexName({ table, columns: keys }: DefectObject): string {
  const names = [lastName(table ?? ''), keys.map(keyName).join('_')].map((name) => Buffer.from(name));
  const [first, second] = names as [Buffer, Buffer];
  let [a, b] = [first.length, second.length];
  while (a + b > LONGEST_NAME - '__key'.length) {
    if (a > b) a--;
    else b--;
  }
  const name = `${clipped(first, a)}_${clipped(second, b)}_key`;
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : quoteIdentifier(name);
}

/** A column's name, or a function's at the head of an expression. */
function keyName(key: string): string {
  const [token] = tokens(key);
  return (token && nameOf(token)) ?? 'expr';
}

/** At most so many bytes, without cutting a character in two. */
function clipped(text: Buffer, bytes: number): string {
  let end = bytes;
  // 10xxxxxx: inside a character.
  while (end > 0 && end < text.length && (text[end]! & 0xc0) === 0x80) end--;
  return text.toString('utf8', 0, end);
}
