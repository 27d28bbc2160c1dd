import { quoteLiteral } from '../../sql/quote';
import { APPLICATION_TABLES, TABLE_NAME } from '../catalogue';
import { claimed } from '../claims';
import type { DefectKind } from '../defect';
import { decide } from '../diagnosis/finding';
import { checksColumn, onColumn } from '../effects';
import { nulledByKeys } from '../nulled';
import { NOT_NULL } from '../signatures/not-null';

export const prematureNotNull: DefectKind = {
  id: 'premature-not-null',
  title: 'A NOT NULL column gets no value',
  sqlstates: ['23502'],
  log: NOT_NULL,
  impact: 'Rows that start out without this value cannot be written.',
  origin:
    'The column was declared NOT NULL for rows in their final state, but the application writes the row first and ' +
    'learns the value later. Or the column has a foreign key with ON DELETE SET NULL: then every DELETE of a ' +
    'referenced row fails.',
  audit: {
    grades: {
      A: 'an INSERT of the workload leaves it out',
      C: 'a foreign key sets it to NULL when the referenced row is deleted',
    },
    remedy:
      'If every row has the value from the beginning, give the column a default or have the statement write it. If not, ' +
      'allow NULL.',
    unwritten: 'whether a row may be without the value is for a person to decide',
    blind: 'Columns that statements outside the workload leave out.',
    find: (evidence) => [...claimed('premature-not-null', evidence), ...nulledByKeys(evidence)],
  },
  catalogue: {
    sql: `
SELECT ${TABLE_NAME} AS "table", quote_ident(a.attname) AS object,
  CASE WHEN f.conname IS NULL
    THEN format('%I.%I.%I is NOT NULL and has no default.', n.nspname, c.relname, a.attname)
    ELSE format('%I.%I.%I is NOT NULL, but foreign key %I sets it to null when the referenced row is deleted or ' ||
      'changed.', n.nspname, c.relname, a.attname, f.conname) END AS sentence
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_constraint f ON f.conrelid = c.oid AND f.contype = 'f' AND a.attnum = ANY (f.conkey)
  AND 'n' IN (f.confdeltype, f.confupdtype)
WHERE ${APPLICATION_TABLES} AND NOT c.relispartition AND a.attnotnull
  AND (f.conname IS NOT NULL
    OR $2::text IS NOT NULL AND NOT a.atthasdef AND a.attidentity = ''
      AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND a.attnum = ANY (i.indkey)))
  AND ($1::text IS NULL OR c.relname = $1) AND ($2::text IS NULL OR a.attname = $2)
ORDER BY 1, 2`,
    rows: 'defect',
    blind:
      'Unless a column is given, it finds only those that contradict a foreign key: the catalogue does not show ' +
      'which other columns the application fills later.',
  },
  repair: (object) =>
    decide(
      'If a row may exist before the value is known, allow NULL, and say why in a comment. If it must never be ' +
        'null, the application must supply the value.',
      [`ALTER TABLE ${object.table} ALTER COLUMN ${object.column} DROP NOT NULL;`],
    ),
  verification: (object) =>
    `SELECT trueup.col_is_null(${quoteLiteral(object.table)}, ${quoteLiteral(object.column)})`,
  does: (effect, object) => {
    if (!onColumn(effect, object)) return null;
    return effect.kind === 'drop not null' ? 'makes' : effect.kind === 'set not null' ? 'takes-away' : null;
  },
  verifies: (check, object) => check.function === 'col_is_null' && checksColumn(check, object),
  example: {
    schema: 'CREATE TABLE web_sessions (session_id bigint PRIMARY KEY, lead_id uuid NOT NULL);',
    statement: 'INSERT INTO web_sessions (session_id) VALUES (1)',
    object: { table: 'public.web_sessions', column: 'lead_id', columns: [], name: null, detail: 'uuid' },
  },
};
