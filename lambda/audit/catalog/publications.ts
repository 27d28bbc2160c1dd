import { buildColumnNamesSql, type ObjectKind, type Reference } from './kind';

export interface PublishedTable extends Reference {
  /**
   * Published columns (PostgreSQL 15).
   * @default - all
   */
  readonly columns?: readonly string[];
  /**
   * Row filter (PostgreSQL 15).
   * @default - every row
   */
  readonly where?: string;
}

export interface Publication {
  readonly name: string;
  readonly allTables?: true;
  /** Published tables, sorted by name. */
  readonly tables?: readonly PublishedTable[];
  /** Schemas all of whose tables are published, sorted (PostgreSQL 15). */
  readonly schemas?: readonly string[];
  /** Published operations: `insert`, `update`, `delete`, `truncate`. */
  readonly publishes: readonly string[];
  /** Changes of a partition are published as changes of its partitioned table. */
  readonly viaRoot?: true;
}

export const publications: ObjectKind<Publication> = {
  namedBy: ['name'],
  always: ['publishes'],
  sql: (major) => `SELECT p.pubname AS name, p.puballtables AS "allTables",
    (SELECT json_agg(json_strip_nulls(json_build_object('schema', n.nspname, 'name', c.relname${
      major >= 15
        ? `, 'columns', ${buildColumnNamesSql('c.oid', 'r.prattrs::int2[]')}, 'where', pg_get_expr(r.prqual, r.prrelid)`
        : ''
    })) ORDER BY n.nspname, c.relname)
     FROM pg_publication_rel r JOIN pg_class c ON c.oid = r.prrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE r.prpubid = p.oid) AS tables,
    ${
      major >= 15
        ? `(SELECT array_agg(n.nspname::text ORDER BY n.nspname) FROM pg_publication_namespace s
           JOIN pg_namespace n ON n.oid = s.pnnspid WHERE s.pnpubid = p.oid) AS schemas,`
        : ''
    }
    array_remove(ARRAY[CASE WHEN p.pubinsert THEN 'insert' END, CASE WHEN p.pubupdate THEN 'update' END,
      CASE WHEN p.pubdelete THEN 'delete' END, CASE WHEN p.pubtruncate THEN 'truncate' END], NULL) AS publishes,
    p.pubviaroot AS "viaRoot"
  FROM pg_publication p`,
};
