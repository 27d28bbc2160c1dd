import { quoteLiteral } from '../../sql/quote';
import { APPLICATION_TABLES, PARAMETERS_ON, TABLE_NAME } from '../catalogue';
import { claimed } from '../claims';
import type { DefectKind } from '../defect';
import { decide } from '../diagnosis/finding';
import { checksColumn, onColumn } from '../effects';
import { lastName } from '../last-name';
import { lost } from '../lost';
import { oddKeys } from '../odd-keys';
import { idDefault } from '../repair/id-default';
import { NOT_NULL } from '../signatures/not-null';

const GENERATED_TYPES = `('uuid'::regtype, 'smallint'::regtype, 'integer'::regtype, 'bigint'::regtype)`;

export const missingIdDefault: DefectKind = {
  id: 'missing-id-default',
  title: 'The id column has no default',
  sqlstates: ['23502'],
  log: NOT_NULL,
  impact: 'Every INSERT that leaves the id to the database fails.',
  origin:
    'The table was recreated, by a move between servers or by a script that lists columns and types, and lost the ' +
    'DEFAULT of its id. Copied rows keep their ids, so nothing fails until the first new row.',
  audit: {
    grades: {
      A: 'an INSERT of the workload leaves it out',
      B: 'the source generates it',
      C: 'at least three quarters of the keys of its type are generated',
    },
    remedy:
      'Give it the generator of the source or of its siblings, an identity or gen_random_uuid(), and set the sequence above ' +
      'the highest key.',
    blind: 'Keys of text: whether the application makes them, only its statements show.',
    find: (evidence) => {
      const sure = [...claimed('missing-id-default', evidence), ...lost('missing-id-default', evidence)];
      const known = new Set(sure.map(({ object }) => object));
      return [...sure, ...oddKeys(evidence).filter(({ object }) => !known.has(object))];
    },
  },
  catalogue: {
    sql: `
SELECT ${TABLE_NAME} AS "table", quote_ident(a.attname) AS object,
  format('%I.%I.%I is the primary key, of type %s, and has no default.', n.nspname, c.relname, a.attname,
    format_type(a.atttypid, a.atttypmod)) AS sentence
FROM pg_index i
JOIN pg_class c ON c.oid = i.indrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
WHERE i.indisprimary AND i.indnkeyatts = 1 AND ${APPLICATION_TABLES} AND NOT c.relispartition
  AND NOT a.atthasdef AND a.attidentity = '' AND a.atttypid IN ${GENERATED_TYPES}
  AND NOT EXISTS (SELECT FROM pg_constraint f
    WHERE f.conrelid = c.oid AND f.contype = 'f' AND f.conkey = ARRAY[a.attnum])
  AND ${PARAMETERS_ON('c.relname', 'a.attname')}
ORDER BY 1, 2`,
    rows: 'defect',
    blind:
      'It does not show whether the application always supplies the id itself; then no default is needed.',
  },
  // Where the type is not known, nobody can say what fits.
  repair: ({ table, column, detail }) =>
    table === null || column === null || detail === null
      ? decide(
          'If the database should generate this key, it needs a default that fits its type: gen_random_uuid() or a sequence.',
        )
      : idDefault(
          table,
          {
            name: lastName(column),
            sql: column,
            type: detail,
            baseType: baseOf(detail),
            length: lengthOf(detail),
            sequence: null,
          },
          '',
        ),
  verification: (object) =>
    `SELECT trueup.col_has_default(${quoteLiteral(object.table)}, ${quoteLiteral(object.column)})`,
  does: (effect, object) => {
    if (!onColumn(effect, object)) return null;
    if (effect.kind === 'default') return /^null\b/i.test(effect.expression ?? '') ? 'takes-away' : 'makes';
    return effect.kind === 'drop default' ? 'takes-away' : null;
  },
  verifies: (check, object) =>
    ['col_has_default', 'col_default_is', 'col_default_generates_uuid'].includes(check.function) &&
    checksColumn(check, object),
  example: {
    schema: 'CREATE TABLE lead_purchases (id uuid PRIMARY KEY, lead_id uuid NOT NULL);',
    statement: "INSERT INTO lead_purchases (lead_id) VALUES ('703409ee-1105-41c0-9a7e-fb5b3612a135')",
    object: {
      table: 'public.lead_purchases',
      column: 'id',
      columns: ['id'],
      name: null,
      detail: 'uuid',
    },
  },
};

/** `character varying(20)` → `character varying`, 20 */
const baseOf = (type: string): string => type.replace(/\(.*$/, '');
const lengthOf = (type: string): number | null => Number(/\((\d+)\)/.exec(type)?.[1] ?? Number.NaN) || null;
