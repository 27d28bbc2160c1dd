/**
 * Facts about relations for a diagnosis. One SELECT on pg_catalog reads all relations of the given names in all
 * schemas, and the tables that they are partitions or children of. Names that are ready for SQL are quoted by the
 * server.
 */

import type { Database } from '../postgres/database';
import { INDEX_IS_VALID_SQL, INSERT_DEFAULT_SQL } from '../sql/catalog';
import { buildClearedColumnsSql } from './catalog';
import type { UniqueIndex } from './conflict';

export interface Relation {
  readonly oid: string;
  /** Schema, unquoted as in the catalog. `name` is unquoted too. */
  readonly schema: string;
  readonly name: string;
  /** `schema.name`, quoted as needed in SQL. */
  readonly sql: string;
  readonly kind: 'table' | 'partitioned' | 'view' | 'foreign';
  /** The table is temporary: it belongs to some session, and only that session sees it. */
  readonly temporary: boolean;
  readonly partition: boolean;
  /** OIDs of the tables that it is a partition or a child of, nearest first. */
  readonly ancestors: readonly string[];
  /** Definition of a view, as the server prints it. null for other relations. */
  readonly definition: string | null;
  readonly columns: readonly Column[];
  readonly primaryKey: readonly string[];
  /**
   * Columns of the partition keys of all levels, with null for an expression. The whole list is null if the table is
   * not partitioned.
   */
  readonly partitionKey: readonly (string | null)[] | null;
  /** Enabled row triggers that may change the row or replace the statement. */
  readonly triggers: readonly Trigger[];
  /** Disabled triggers before INSERT. */
  readonly disabledTriggers: readonly Pick<Trigger, 'name' | 'function'>[];
  /** The relation has an INSTEAD rule on INSERT or UPDATE. */
  readonly rewritten: boolean;
  readonly foreignKeys: readonly ForeignKey[];
  readonly uniqueIndexes: readonly UniqueIndex[];
  /** All partitions that hold rows, as `schema.name`. `nested` is true if a partition is partitioned itself. */
  readonly leaves: readonly string[];
  readonly nested: boolean;
  /** Major version of the server. */
  readonly major: number;
}

export interface Column {
  readonly name: string;
  readonly sql: string;
  /** Position among the columns that are not dropped, from 1. */
  readonly position: number;
  readonly type: string;
  /** Type without its length. For a domain, its base type. */
  readonly baseType: string;
  /** Maximum number of characters of a varchar or char. null if there is no limit. */
  readonly length: number | null;
  readonly notNull: boolean;
  /** Default as the server prints it, of the column or else of its domain. */
  readonly default: string | null;
  readonly identity: boolean;
  readonly generated: boolean;
  /** CHECK constraints of the table and the domain that concern the column, except IS NOT NULL. Names are quoted. */
  readonly checks: readonly string[];
  readonly sequence: Sequence | null;
}

/**
 * Sequence of a column: the one that its default uses; or else the one that it owns; or else one with a serial's
 * default name that no column owns and no default uses.
 */
export interface Sequence {
  readonly sql: string;
  readonly owned: boolean;
  /** Whether the column's own default uses it. False for an identity, which has no default. */
  readonly used: boolean;
  readonly increment: number;
  readonly type: string;
  /** Whether the role of the question has USAGE on it. null if the role does not exist. */
  readonly usable: boolean | null;
}

export interface Trigger {
  readonly name: string;
  readonly function: string;
  readonly on: 'insert' | 'update' | 'both';
  readonly insteadOf: boolean;
}

export interface ForeignKey {
  readonly name: string;
  readonly columns: readonly string[];
  /** The value that the key sets `cleared` to when the referenced row is deleted or changed. */
  readonly clears: 'null' | 'default' | null;
  /** From PostgreSQL 15 on, a key may clear only some of its columns. */
  readonly cleared: readonly string[];
}

/** Returns the relations of these names, sorted by schema and name. */
export async function readRelations(
  db: Database,
  names: readonly string[],
  user: string,
): Promise<readonly Relation[]> {
  if (names.length === 0) return [];
  const rows = await db.query<{ relation: string }>(RELATIONS_SQL, [[...new Set(names)], user]);
  return rows.map(({ relation }) => JSON.parse(relation) as Relation);
}

const buildColumnNamesSql = (relation: string, numbers: string): string =>
  `(SELECT coalesce(json_agg(a.attname ORDER BY u.n), '[]') FROM unnest(${numbers}) WITH ORDINALITY AS u (attnum, n)
    LEFT JOIN pg_attribute a ON a.attrelid = ${relation} AND a.attnum = u.attnum AND a.attnum > 0)`;

const SEQUENCE_SQL = `(SELECT json_build_object('sql', format('%I.%I', sn.nspname, s.relname), 'owned', d.objid IS NOT NULL, 'used', u.objid IS NOT NULL,
      'increment', q.seqincrement, 'type', format_type(q.seqtypid, NULL),
      'usable', (SELECT has_sequence_privilege(r.oid, s.oid, 'USAGE') FROM pg_roles r WHERE r.rolname = $2))
    FROM pg_class s JOIN pg_sequence q ON q.seqrelid = s.oid JOIN pg_namespace sn ON sn.oid = s.relnamespace
    LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = s.oid AND d.deptype IN ('a', 'i')
      AND d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid AND d.refobjsubid = a.attnum
    LEFT JOIN pg_depend u ON u.classid = 'pg_attrdef'::regclass AND u.objid = (SELECT f.oid FROM pg_attrdef f
        WHERE f.adrelid = c.oid AND f.adnum = a.attnum)
      AND u.refclassid = 'pg_class'::regclass AND u.refobjid = s.oid
    WHERE s.relkind = 'S' AND (d.objid IS NOT NULL OR u.objid IS NOT NULL
      OR s.relnamespace = c.relnamespace AND s.relname = c.relname || '_' || a.attname || '_seq'
        AND NOT EXISTS (SELECT FROM pg_depend o WHERE o.classid = 'pg_class'::regclass AND o.objid = s.oid
          AND o.deptype IN ('a', 'i'))
        AND NOT EXISTS (SELECT FROM pg_depend u WHERE u.classid = 'pg_attrdef'::regclass
          AND u.refclassid = 'pg_class'::regclass AND u.refobjid = s.oid))
    ORDER BY u.objid IS NOT NULL DESC, d.objid IS NOT NULL DESC, s.oid LIMIT 1)`;

/** A CHECK that is NOT ENFORCED (PostgreSQL 18) rejects nothing and is left out. */
const CHECKS_SQL = `(SELECT coalesce(json_agg(quote_ident(k.conname) ORDER BY k.conname), '[]') FROM pg_constraint k
    WHERE k.contype = 'c' AND (k.contypid = t.oid AND t.typtype = 'd' OR k.conrelid = c.oid AND a.attnum = ANY (k.conkey))
      AND to_jsonb(k) ->> 'conenforced' IS DISTINCT FROM 'false'
      AND pg_get_constraintdef(k.oid) !~ '^CHECK \\(\\(("[^"]+"|\\w+) IS NOT NULL\\)\\)')`;

const COLUMNS_SQL = `(SELECT coalesce(json_agg(json_build_object('name', a.attname, 'sql', quote_ident(a.attname),
      'position', (SELECT count(*) FROM pg_attribute b WHERE b.attrelid = c.oid AND b.attnum BETWEEN 1 AND a.attnum
        AND NOT b.attisdropped),
      'type', format_type(a.atttypid, a.atttypmod), 'baseType', format_type(base.oid, NULL),
      'length', CASE WHEN base.oid IN ('varchar'::regtype, 'bpchar'::regtype)
        THEN nullif(greatest(CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END, 3) - 4, -1) END,
      'notNull', a.attnotnull,
      'default', CASE WHEN a.attgenerated = '' THEN ${INSERT_DEFAULT_SQL} END,
      'identity', a.attidentity <> '', 'generated', a.attgenerated <> '', 'checks', ${CHECKS_SQL},
      'sequence', ${SEQUENCE_SQL}) ORDER BY a.attnum), '[]')
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
    JOIN pg_type base ON base.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)`;

const UNIQUE_INDEXES_SQL = `(SELECT coalesce(json_agg(json_build_object(
      'table', format('%I.%I', n.nspname, c.relname), 'name', quote_ident(x.relname),
      'sql', format('%I.%I', xn.nspname, x.relname),
      'valid', ${INDEX_IS_VALID_SQL}, 'exclusion', i.indisexclusion,
      'unique', i.indisunique, 'immediate', i.indimmediate, 'primary', i.indisprimary, 'partitioned', x.relkind = 'I',
      'constraint', (SELECT k.conname FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x')
        AND k.conrelid = i.indrelid),
      'predicate', pg_get_expr(i.indpred, i.indrelid, true),
      'plain', i.indexprs IS NULL AND m.amname = 'btree' AND i.indpred IS NULL AND NOT EXISTS (SELECT
        FROM generate_series(0, i.indnkeyatts - 1) k JOIN pg_opclass o ON o.oid = i.indclass[k]
        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k]
        WHERE NOT o.opcdefault OR i.indoption[k] <> 0 OR i.indcollation[k] <> a.attcollation),
      'keys', (SELECT json_agg(json_build_object('column', a.attname, 'text', pg_get_indexdef(i.indexrelid, k, true),
          'collation', (SELECT o.collname FROM pg_collation o WHERE o.oid = i.indcollation[k - 1]),
          'classes', (SELECT json_agg(s.opcname) FROM pg_opclass o JOIN pg_opclass s
            ON s.opcfamily = o.opcfamily AND s.opcintype = o.opcintype WHERE o.oid = i.indclass[k - 1])) ORDER BY k)
        FROM generate_series(1, i.indnkeyatts) k
        LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k - 1] AND a.attnum > 0))
      ORDER BY x.relname), '[]')
    FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_namespace xn ON xn.oid = x.relnamespace
    JOIN pg_am m ON m.oid = x.relam
    WHERE i.indrelid = c.oid AND (i.indisunique OR i.indisexclusion))`;

/**
 * Row triggers before INSERT (4) or UPDATE (16), or INSTEAD OF them (64). Up to PostgreSQL 14, a partition's clones are
 * marked internal.
 */
const TRIGGERS_SQL = `(SELECT coalesce(json_agg(json_build_object('name', quote_ident(t.tgname),
      'function', t.tgfoid::regproc::text, 'insteadOf', t.tgtype & 64 <> 0,
      'on', CASE WHEN t.tgtype & 20 = 20 THEN 'both' WHEN t.tgtype & 4 <> 0 THEN 'insert' ELSE 'update' END)
      ORDER BY t.tgname), '[]')
    FROM pg_trigger t
    WHERE t.tgrelid = c.oid AND (NOT t.tgisinternal OR t.tgparentid <> 0) AND t.tgconstraint = 0
      AND t.tgenabled IN ('O', 'A') AND t.tgtype & 1 <> 0 AND t.tgtype & 20 <> 0 AND t.tgtype & 66 <> 0)`;

const DISABLED_TRIGGERS_SQL = `(SELECT coalesce(json_agg(json_build_object('name', quote_ident(t.tgname),
      'function', t.tgfoid::regproc::text) ORDER BY t.tgname), '[]')
    FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgenabled IN ('D', 'R') AND t.tgtype & 7 = 7)`;

const RELATIONS_SQL = `
  WITH RECURSIVE named AS (
    SELECT c.oid, 0 AS depth FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relname = ANY ($1::text[]) AND c.relkind IN ('r', 'p', 'v', 'f')
      AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'trueup')
    UNION
    SELECT h.inhparent, named.depth + 1 FROM named JOIN pg_inherits h ON h.inhrelid = named.oid WHERE named.depth < 32)
  SELECT json_build_object('oid', c.oid::text, 'schema', n.nspname, 'name', c.relname,
    'sql', format('%I.%I', n.nspname, c.relname),
    'kind', CASE c.relkind WHEN 'p' THEN 'partitioned' WHEN 'v' THEN 'view' WHEN 'f' THEN 'foreign' ELSE 'table' END,
    'temporary', c.relpersistence = 't', 'partition', c.relispartition,
    'ancestors', (WITH RECURSIVE up AS (
        SELECT h.inhparent AS oid, 1 AS depth FROM pg_inherits h WHERE h.inhrelid = c.oid
        UNION SELECT h.inhparent, up.depth + 1 FROM up JOIN pg_inherits h ON h.inhrelid = up.oid WHERE up.depth < 32)
      SELECT coalesce(json_agg(up.oid::text ORDER BY up.depth), '[]') FROM up),
    'definition', CASE WHEN c.relkind = 'v' THEN pg_get_viewdef(c.oid) END,
    'columns', ${COLUMNS_SQL},
    'primaryKey', coalesce((SELECT ${buildColumnNamesSql('c.oid', '(i.indkey::int2[])[:i.indnkeyatts - 1]')} FROM pg_index i
      WHERE i.indrelid = c.oid AND i.indisprimary), '[]'),
    'partitionKey', CASE WHEN c.relkind = 'p' THEN (SELECT json_agg(k.name ORDER BY k.place) FROM (
        SELECT a.attname AS name, min(l.level * 100 + u.n) AS place FROM pg_partition_tree(c.oid) l
        JOIN pg_partitioned_table p ON p.partrelid = l.relid
        CROSS JOIN LATERAL unnest(p.partattrs::int2[]) WITH ORDINALITY AS u (attnum, n)
        LEFT JOIN pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = u.attnum AND a.attnum > 0
        GROUP BY a.attname) AS k) END,
    'triggers', ${TRIGGERS_SQL}, 'disabledTriggers', ${DISABLED_TRIGGERS_SQL},
    'rewritten', EXISTS (SELECT FROM pg_rewrite w WHERE w.ev_class = c.oid AND w.is_instead AND w.ev_type IN ('2', '3')),
    'foreignKeys', (SELECT coalesce(json_agg(json_build_object('name', quote_ident(f.conname),
        'columns', ${buildColumnNamesSql('c.oid', 'f.conkey')},
        'clears', CASE WHEN 'n' IN (f.confdeltype, f.confupdtype) THEN 'null'
          WHEN 'd' IN (f.confdeltype, f.confupdtype) THEN 'default' END,
        'cleared', ${buildColumnNamesSql('c.oid', buildClearedColumnsSql(`'{n,d}'`))}) ORDER BY f.conname), '[]')
      FROM pg_constraint f WHERE f.conrelid = c.oid AND f.contype = 'f'),
    'uniqueIndexes', ${UNIQUE_INDEXES_SQL},
    'leaves', CASE WHEN c.relkind = 'p' THEN (SELECT coalesce(json_agg(format('%I.%I', ln.nspname, lc.relname)
      ORDER BY ln.nspname, lc.relname), '[]') FROM pg_partition_tree(c.oid) l JOIN pg_class lc ON lc.oid = l.relid
      JOIN pg_namespace ln ON ln.oid = lc.relnamespace WHERE l.isleaf) ELSE '[]' END,
    'nested', c.relkind = 'p' AND EXISTS (SELECT FROM pg_partition_tree(c.oid) l WHERE NOT l.isleaf AND l.level > 0),
    'major', current_setting('server_version_num')::int / 10000)::text AS relation
  FROM (SELECT DISTINCT oid FROM named) AS wanted JOIN pg_class c USING (oid)
  JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'v', 'f')
  ORDER BY n.nspname, c.relname`;
