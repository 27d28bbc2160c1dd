import { quoteLiteral, quoteTextArray } from '../../sql/quote';
import { listAttributedFindings } from '../attributed-findings';
import { APPLICATION_TABLES_SQL, TABLE_NAME_SQL } from '../catalog';
import type { DefectKind } from '../defect';
import { makeRepair } from '../diagnosis/finding';
import { isUniqueOver, verifiesConflictTarget } from '../effects';
import { makeConflictTarget, stripSchema } from '../repair/conflict-target';
import { ON_CONFLICT } from '../signatures/on-conflict';
import { extractUnqualifiedName } from '../unqualified-name';

/** Returns the query for unique and exclusion indexes in words: what an ON CONFLICT clause can refer to. */
export const buildConflictTargetsSql = (condition: string): string => `
SELECT ${TABLE_NAME_SQL} AS "table", quote_ident(x.relname) AS object,
  format('%I on %I.%I (%s)%s%s.', x.relname, n.nspname, c.relname,
    (SELECT string_agg(pg_get_indexdef(i.indexrelid, k, true), ', ' ORDER BY k) FROM generate_series(1, i.indnkeyatts) k),
    CASE WHEN i.indpred IS NULL THEN '' ELSE ' WHERE ' || pg_get_expr(i.indpred, i.indrelid, true) END,
    CASE WHEN i.indisvalid THEN '' ELSE ', INVALID' END) AS sentence
FROM pg_index i
JOIN pg_class x ON x.oid = i.indexrelid
JOIN pg_class c ON c.oid = i.indrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE i.indisunique AND ${APPLICATION_TABLES_SQL} AND NOT c.relispartition AND ${condition}
  AND ($1::text IS NULL OR c.relname = $1)
  AND ($2::text IS NULL OR EXISTS (SELECT FROM pg_attribute a
    WHERE a.attrelid = c.oid AND a.attname = $2 AND a.attnum = ANY (i.indkey)))
ORDER BY 1, 2`;

export const missingConflictTarget: DefectKind = {
  id: 'missing-conflict-target',
  title: 'ON CONFLICT finds no unique index that it can use',
  sqlstates: ['42P10', '42704', '55000', '42809'],
  log: ON_CONFLICT,
  impact:
    'The INSERT fails every time, whatever its values. Every later statement in the same transaction fails too.',
  origin:
    'The migration that creates the unique index exists but was never run on this database, or it failed half way ' +
    'and left the index INVALID. A constraint of the same name on other columns does not help; nor does a plain ' +
    'index named in ON CONSTRAINT, a DEFERRABLE constraint, or an exclusion constraint.',
  audit: {
    confidences: { A: 'a statement of the workload fails with 42P10, and the source does not explain it' },
    remedy:
      'After resolving duplicates, use CREATE UNIQUE INDEX CONCURRENTLY to create the index that the clause needs; or change the clause to ' +
      'match an existing index. If the source has the index, the finding is missing-unique-index.',
    unwritten: 'the clause names a constraint, but its columns are not known',
    blind: 'A clause whose predicate holds a constant is undecided: the workload has no constants.',
    find: (evidence) => listAttributedFindings('missing-conflict-target', evidence),
  },
  catalog: {
    sql: buildConflictTargetsSql('true'),
    rows: 'evidence',
    blind:
      "It lists the unique indexes that exist. Only the application's statement shows which one is missing: an index " +
      'matches ON CONFLICT (a, b) if it is valid, unique, on exactly these columns in any order, and not partial.',
  },
  repair: ({ table, columns, detail }) =>
    table === null
      ? makeRepair(
          'Create the unique index that the clause names, or change the clause to match an existing index.',
        )
      : makeConflictTarget(
          {
            schema: extractUnqualifiedName(table.slice(0, table.length - stripSchema(table).length - 1)),
            name: extractUnqualifiedName(table),
            sql: table,
            kind: 'table',
            partitionKey: null,
            leaves: [],
            nested: false,
            columnNames: new Map(),
          },
          { keys: columns, predicate: detail },
          new Set(),
        ),
  verification: (object) =>
    `SELECT trueup.on_conflict_target(${quoteLiteral(object.table)}, ${quoteTextArray(object.columns)}` +
    `${object.detail === null ? '' : `, ${quoteLiteral(object.detail)}`})`,
  does: (effect, object) => (isUniqueOver(effect, object) ? 'makes' : null),
  verifies: verifiesConflictTarget,
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
