import { COLUMN_NAMES, type Kind, type Reference } from './kind';

export interface PublishedTable extends Reference {
  /** PostgreSQL 15. @default - all */
  readonly columns?: readonly string[];
  /** PostgreSQL 15. @default - every row */
  readonly where?: string;
}

export interface Publication {
  readonly name: string;
  readonly allTables?: true;
  /** By name. */
  readonly tables?: readonly PublishedTable[];
  /** All tables of these, sorted (PostgreSQL 15). */
  readonly schemas?: readonly string[];
  /** `insert`, `update`, `delete`, `truncate` */
  readonly publishes: readonly string[];
  /** Changes of a partition are published as those of its table. */
  readonly viaRoot?: true;
}

export const publications: Kind<Publication> = {
  namedBy: ['name'],
  always: ['publishes'],
  sql: (major) => `SELECT p.pubname AS name, p.puballtables AS "allTables",
    (SELECT json_agg(json_strip_nulls(json_build_object('schema', n.nspname, 'name', c.relname${
      major >= 15
        ? `, 'columns', ${COLUMN_NAMES('c.oid', 'r.prattrs::int2[]')}, 'where', pg_get_expr(r.prqual, r.prrelid)`
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
