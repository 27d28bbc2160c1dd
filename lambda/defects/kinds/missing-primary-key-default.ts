import { quoteLiteral } from '../../sql/quote';
import { listAttributedFindings } from '../attributed-findings';
import { APPLICATION_TABLES_SQL, buildTableFilterSql, TABLE_NAME_SQL } from '../catalog';
import type { DefectKind } from '../defect';
import { makeManualDecision } from '../diagnosis/finding';
import { checksColumn, isOnColumn } from '../effects';
import { findInconsistentKeys } from '../inconsistent-keys';
import { findLost } from '../lost-kind';
import { buildIdDefaultRepair } from '../repair/id-default';
import { NOT_NULL } from '../signatures/not-null';
import { extractUnqualifiedName } from '../unqualified-name';

const GENERATED_TYPES_SQL = `('uuid'::regtype, 'smallint'::regtype, 'integer'::regtype, 'bigint'::regtype)`;

export const missingPrimaryKeyDefault: DefectKind = {
  id: 'missing-primary-key-default',
  title: 'The id column has no default',
  sqlstates: ['23502'],
  log: NOT_NULL,
  impact: 'Every INSERT that leaves the id to the database fails.',
  origin:
    'The table was recreated, by a move between servers or by a script that lists columns and types, and lost the ' +
    'DEFAULT of its id. Copied rows keep their ids, so nothing fails until the first new row.',
  audit: {
    confidences: {
      A: 'an INSERT of the workload leaves it out',
      B: 'the source generates it',
      C: 'at least three quarters of the keys of its type are generated',
    },
    remedy:
      'Generate the key as in the source, or as the other keys of this database: as an identity or with gen_random_uuid(). Then set the sequence above ' +
      'the highest key.',
    blind: 'For text keys, only the statements show whether the application generates them.',
    find: (evidence) => {
      const sure = [
        ...listAttributedFindings('missing-primary-key-default', evidence),
        ...findLost('missing-primary-key-default', evidence),
      ];
      const known = new Set(sure.map(({ object }) => object));
      return [...sure, ...findInconsistentKeys(evidence).filter(({ object }) => !known.has(object))];
    },
  },
  catalog: {
    sql: `
SELECT ${TABLE_NAME_SQL} AS "table", quote_ident(a.attname) AS object,
  format('%I.%I.%I is the primary key, of type %s, and has no default.', n.nspname, c.relname, a.attname,
    format_type(a.atttypid, a.atttypmod)) AS sentence
FROM pg_index i
JOIN pg_class c ON c.oid = i.indrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
-- The partition key has to be in a primary key and identifies nothing.
JOIN pg_attribute a ON a.attrelid = c.oid AND ARRAY[a.attnum] = (
  SELECT array_agg(k.attnum) FROM unnest((i.indkey::int2[])[:i.indnkeyatts - 1]) AS k (attnum)
  WHERE i.indnkeyatts = 1 OR c.relkind <> 'p' OR NOT EXISTS (
    SELECT FROM pg_partition_tree(c.oid) l JOIN pg_partitioned_table p ON p.partrelid = l.relid
    JOIN pg_attribute b ON b.attrelid = p.partrelid AND b.attnum = ANY (p.partattrs::int2[])
    JOIN pg_attribute o ON o.attrelid = c.oid AND o.attname = b.attname
    WHERE o.attnum = k.attnum))
WHERE i.indisprimary AND ${APPLICATION_TABLES_SQL} AND NOT c.relispartition
  AND NOT a.atthasdef AND a.attidentity = '' AND a.atttypid IN ${GENERATED_TYPES_SQL}
  AND NOT EXISTS (SELECT FROM pg_constraint f
    WHERE f.conrelid = c.oid AND f.contype = 'f' AND f.conkey = ARRAY[a.attnum])
  AND ${buildTableFilterSql('c.relname', 'a.attname')}
ORDER BY 1, 2`,
    rows: 'defect',
    blind:
      'It does not show whether the application always supplies the id itself; then no default is needed.',
  },
  // Without the column's type, no default can be suggested.
  repair: ({ table, column, detail }) =>
    table === null || column === null || detail === null
      ? makeManualDecision(
          'If the database should generate this key, it needs a default that fits its type: gen_random_uuid() or a sequence.',
        )
      : buildIdDefaultRepair(
          table,
          {
            name: extractUnqualifiedName(column),
            sql: column,
            type: detail,
            baseType: stripTypeLength(detail),
            length: parseTypeLength(detail),
            sequence: null,
          },
          '',
        ),
  verification: (object) =>
    `SELECT trueup.col_has_default(${quoteLiteral(object.table)}, ${quoteLiteral(object.column)})`,
  does: (effect, object) => {
    if (!isOnColumn(effect, object)) return null;
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

/** Splits a type: `character varying(20)` → `character varying`, 20. */
const stripTypeLength = (type: string): string => type.replace(/\(.*$/, '');
const parseTypeLength = (type: string): number | null =>
  Number(/\((\d+)\)/.exec(type)?.[1] ?? Number.NaN) || null;
