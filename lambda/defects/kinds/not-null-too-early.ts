import { quoteLiteral } from '../../sql/quote';
import { listAttributedFindings } from '../attributed-findings';
import { APPLICATION_TABLES_SQL, buildClearedColumnsSql, TABLE_NAME_SQL } from '../catalog';
import type { DefectKind } from '../defect';
import { makeManualDecision } from '../diagnosis/finding';
import { checksColumn, isOnColumn } from '../effects';
import { findSetNullOnNotNull } from '../set-null-on-not-null';
import { NOT_NULL } from '../signatures/not-null';

export const notNullTooEarly: DefectKind = {
  id: 'not-null-too-early',
  title: 'A NOT NULL column receives no value',
  sqlstates: ['23502'],
  log: NOT_NULL,
  impact: 'Rows whose value is set later cannot be inserted.',
  origin:
    'The column was declared NOT NULL for rows in their final state, but the application writes the row first and ' +
    'learns the value later. Or the column has a foreign key with ON DELETE SET NULL: then every DELETE of a ' +
    'referenced row fails.',
  audit: {
    confidences: {
      A: 'an INSERT of the workload leaves it out',
      C: 'a foreign key sets it to NULL when the referenced row is deleted',
    },
    remedy:
      'If every row has the value from the beginning, give the column a default or have the statement write it. If not, ' +
      'allow NULL.',
    unwritten: 'a person must decide whether the column may be NULL',
    blind: 'Columns that statements outside the workload leave out.',
    find: (evidence) => [
      ...listAttributedFindings('not-null-too-early', evidence),
      ...findSetNullOnNotNull(evidence),
    ],
  },
  catalog: {
    sql: `
SELECT ${TABLE_NAME_SQL} AS "table", quote_ident(a.attname) AS object,
  CASE WHEN f.conname IS NULL
    THEN format('%I.%I.%I is NOT NULL and has no default.', n.nspname, c.relname, a.attname)
    ELSE format('%I.%I.%I is NOT NULL, but foreign key %I sets it to null when the referenced row is deleted or ' ||
      'changed.', n.nspname, c.relname, a.attname, f.conname) END AS sentence
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_constraint f ON f.conrelid = c.oid AND f.contype = 'f'
  AND a.attnum = ANY (${buildClearedColumnsSql(`'{n}'`)})
WHERE ${APPLICATION_TABLES_SQL} AND NOT c.relispartition AND a.attnotnull
  AND (f.conname IS NOT NULL
    OR $2::text IS NOT NULL AND NOT a.atthasdef AND a.attidentity = ''
      AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND a.attnum = ANY (i.indkey)))
  AND ($1::text IS NULL OR c.relname = $1) AND ($2::text IS NULL OR a.attname = $2)
ORDER BY 1, 2`,
    rows: 'defect',
    blind:
      'Unless a column is given, it finds only those that contradict a foreign key: the catalog does not show ' +
      'which other columns the application fills later.',
  },
  repair: (object) =>
    makeManualDecision(
      'If the column had a default that was lost, for example when the database was moved or the table was recreated, set it ' +
        `again: ALTER TABLE ${object.table} ALTER COLUMN ${object.column} SET DEFAULT, followed by the expression that it had. ` +
        'If a row may exist before the value is known, allow NULL, and say why in a comment. If it must never be null, the ' +
        'application must supply the value.',
      [`ALTER TABLE ${object.table} ALTER COLUMN ${object.column} DROP NOT NULL;`],
    ),
  verification: (object) =>
    `SELECT trueup.col_is_null(${quoteLiteral(object.table)}, ${quoteLiteral(object.column)})`,
  does: (effect, object) => {
    if (!isOnColumn(effect, object)) return null;
    switch (effect.kind) {
      case 'drop not null':
        return 'makes';
      case 'set not null':
        return 'takes-away';
      case 'default':
        return /^null\b/i.test(effect.expression ?? '') ? 'takes-away' : 'makes';
      case 'drop default':
        return 'takes-away';
      default:
        return null;
    }
  },
  verifies: (check, object) =>
    ['col_is_null', 'col_has_default', 'col_default_is'].includes(check.function) &&
    checksColumn(check, object),
  example: {
    schema: 'CREATE TABLE web_sessions (session_id bigint PRIMARY KEY, lead_id uuid NOT NULL);',
    statement: 'INSERT INTO web_sessions (session_id) VALUES (1)',
    object: { table: 'public.web_sessions', column: 'lead_id', columns: [], name: null, detail: 'uuid' },
  },
};
