import { buildIsOwnRelationSql, buildOwnerSql, type ObjectKind } from './kind';

export interface ColumnReference {
  readonly schema: string;
  readonly table: string;
  readonly column: string;
}

/**
 * A sequence without its position, which ../positions.ts reads. Numbers are strings, since a JSON number cannot hold
 * every bigint.
 */
export interface Sequence {
  readonly schema: string;
  readonly name: string;
  readonly type: 'smallint' | 'integer' | 'bigint';
  readonly start: string;
  readonly increment: string;
  readonly min: string;
  readonly max: string;
  readonly cycle?: true;
  readonly cache: string;
  /** Column that owns the sequence. Dropping the column drops the sequence. */
  readonly ownedBy?: ColumnReference;
  /** The sequence belongs to an identity column and cannot be created or dropped separately. */
  readonly identity?: true;
  /** Columns whose default calls nextval on the sequence. */
  readonly usedBy?: readonly ColumnReference[];
  readonly unlogged?: true;
  /**
   * Owner of the sequence.
   * @default - the owner of the database
   */
  readonly owner?: string;
}

const COLUMN_REFERENCE_SQL = `json_build_object('schema', tn.nspname, 'table', t.relname, 'column', a.attname)`;

export const sequences: ObjectKind<Sequence> = {
  namedBy: ['schema', 'name'],
  sql: () => `SELECT n.nspname AS schema, c.relname AS name, format_type(s.seqtypid, NULL) AS type,
    s.seqstart::text AS start, s.seqincrement::text AS increment, s.seqmin::text AS min, s.seqmax::text AS max,
    s.seqcycle AS cycle, s.seqcache::text AS cache, o.column AS "ownedBy", o.deptype = 'i' AS identity,
    (SELECT json_agg(${COLUMN_REFERENCE_SQL} ORDER BY tn.nspname, t.relname, a.attname)
     -- OFFSET 0 keeps the planner to the index by refobjid: after a restore, before ANALYZE, it may take all defaults each time.
     FROM (SELECT d.classid, d.objid, d.deptype FROM pg_depend d
       WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid OFFSET 0) AS d
     JOIN pg_attrdef f ON f.oid = d.objid
     JOIN pg_class t ON t.oid = f.adrelid JOIN pg_namespace tn ON tn.oid = t.relnamespace
     JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = f.adnum
     WHERE d.classid = 'pg_attrdef'::regclass AND d.deptype = 'n') AS "usedBy",
    c.relpersistence = 'u' AS unlogged, ${buildOwnerSql('c.relowner')}
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_sequence s ON s.seqrelid = c.oid
  LEFT JOIN LATERAL (SELECT d.deptype, ${COLUMN_REFERENCE_SQL} AS column
    FROM pg_depend d JOIN pg_class t ON t.oid = d.refobjid JOIN pg_namespace tn ON tn.oid = t.relnamespace
    JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
    WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refclassid = 'pg_class'::regclass
      AND d.deptype IN ('a', 'i') LIMIT 1) AS o ON true
  WHERE ${buildIsOwnRelationSql('S')}`,
};
