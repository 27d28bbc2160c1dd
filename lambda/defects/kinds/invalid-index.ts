import { findTable } from '../../audit/find-table';
import type { Finding } from '../../audit/finding';
import { formatPath } from '../../audit/names';
import { INDEX_IS_BEING_BUILT_SQL, INDEX_IS_VALID_SQL } from '../../sql/catalog';
import { quoteLiteral } from '../../sql/quote';
import { APPLICATION_TABLES_SQL, TABLE_NAME_SQL } from '../catalog';
import type { DefectKind } from '../defect';
import { checksColumns, checksTable, isSameName, isUniqueOver } from '../effects';

export const invalidIndex: DefectKind = {
  id: 'invalid-index',
  title: 'An index is INVALID',
  sqlstates: [],
  log: null,
  impact:
    'No query and no ON CONFLICT uses it, but every write still maintains it. A unique one may even reject rows.',
  origin:
    'CREATE INDEX CONCURRENTLY or REINDEX CONCURRENTLY failed or was interrupted: by duplicate rows, a deadlock or ' +
    'a timeout. PostgreSQL keeps the unfinished index and marks it INVALID. A later CREATE INDEX … IF NOT EXISTS ' +
    'skips it silently.',
  audit: {
    confidences: {
      A: 'the catalog marks it INVALID',
      D: 'it belongs to a partitioned table and is not unique: ON ONLY leaves it INVALID until an index of each partition is attached',
    },
    remedy:
      'REINDEX INDEX CONCURRENTLY. For a unique index, resolve duplicates first. Drop the indexes that REINDEX left behind (_ccnew, _ccold).',
    blind: 'An index that is being built may be reported as INVALID.',
    find: ({ target: { catalog } }) =>
      catalog.indexes
        .filter(({ invalid }) => invalid)
        .map((index): Finding => {
          const { schema, table, name, unique, definition } = index;
          const isPartitioned = Boolean(findTable(catalog, { schema, name: table })?.partitionKey);
          return {
            confidence: isPartitioned && !unique ? 'D' : 'A',
            object: formatPath(schema, table),
            message: `Index ${formatPath(schema, name)} on ${formatPath(schema, table)} is INVALID${unique ? ' and unique' : ''}.`,
            evidence: [definition, ...(isPartitioned ? ['a partition has no index attached to it'] : [])],
            repair: { what: 'reindex', index },
          };
        }),
  },
  catalog: {
    sql: `
SELECT ${TABLE_NAME_SQL} AS "table", format('%I.%I', n.nspname, x.relname) AS object,
  format('Index %I.%I on %I.%I is INVALID%s.', n.nspname, x.relname, n.nspname, c.relname,
    CASE WHEN i.indisunique THEN ' and unique' ELSE '' END) AS sentence
FROM pg_index i
JOIN pg_class x ON x.oid = i.indexrelid
JOIN pg_class c ON c.oid = i.indrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE NOT (${INDEX_IS_VALID_SQL}) AND ${APPLICATION_TABLES_SQL}
  AND NOT ${INDEX_IS_BEING_BUILT_SQL}
  AND ($1::text IS NULL OR c.relname = $1)
  AND ($2::text IS NULL OR EXISTS (SELECT FROM pg_attribute a
    WHERE a.attrelid = c.oid AND a.attname = $2 AND a.attnum = ANY (i.indkey)))
ORDER BY 1, 2`,
    rows: 'defect',
    blind:
      'Indexes under construction are left out. Only a role with pg_read_all_stats sees builds in other sessions; ' +
      'for other roles, such an index counts as INVALID until its build ends.',
  },
  repair: (object) => ({
    words:
      'Rebuild the index. If the build of a unique index failed on duplicates, resolve those first. An index whose ' +
      'name ends in _ccnew or _ccold is left over from a failed REINDEX: drop it.',
    sql: [`REINDEX INDEX CONCURRENTLY ${object.name};`],
  }),
  verification: (object) => `SELECT trueup.no_invalid_indexes(${quoteLiteral(object.table)})`,
  does: (effect, object) =>
    isUniqueOver(effect, object) ||
    (effect.kind === 'index' &&
      effect.name !== null &&
      effect.name === object.name &&
      isSameName(effect.table, object.table))
      ? 'makes'
      : null,
  verifies: (check, object) =>
    (check.function === 'no_invalid_indexes' && checksTable(check, object)) ||
    (check.function === 'is_indexed' && checksColumns(check, object)),
  example: {
    schema:
      'CREATE TABLE payments (id bigint PRIMARY KEY, event_id bigint);\n' +
      'INSERT INTO payments VALUES (1, 7), (2, 7);\n' +
      'CREATE UNIQUE INDEX CONCURRENTLY payments_event_id ON payments (event_id); -- fails, and leaves it INVALID',
    statement: null,
    object: {
      table: 'public.payments',
      column: null,
      columns: ['event_id'],
      name: 'public.payments_event_id',
      detail: null,
    },
  },
};
