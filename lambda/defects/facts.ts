/** What a diagnosis asks the catalogue: single SELECTs on pg_catalog, names quoted by the server. */
import type { Database } from '../postgres/database';
import { identifierOf, tokens } from '../sql/tokens';
import type { UniqueIndex } from './conflict';

const TABLES = `c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema')`;

export interface ColumnFacts {
  readonly schema: string;
  readonly table: string;
  readonly column: string;
  readonly type: string;
  readonly notNull: boolean;
  readonly default: string | null;
  readonly identity: boolean;
  readonly inPrimaryKey: boolean;
  /** A foreign key on it with ON DELETE or ON UPDATE SET NULL. */
  readonly nulledBy: string | null;
  /** The partition that the log named; null where it named the table itself. */
  readonly partition: string | null;
}

/** Tables of this name that have this column; of a partition, its topmost table, whose defaults an INSERT uses. */
export async function columnFacts(
  db: Database,
  table: string,
  column: string,
): Promise<readonly ColumnFacts[]> {
  return db.query<ColumnFacts & Record<string, unknown>>(
    `SELECT n.nspname AS schema, format('%I.%I', n.nspname, c.relname) AS "table", quote_ident(a.attname) AS "column",
       format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS "notNull", a.attidentity <> '' AS identity,
       coalesce(pg_get_expr(d.adbin, d.adrelid), t.typdefault) AS "default",
       EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND a.attnum = ANY (i.indkey))
         AS "inPrimaryKey",
       (SELECT min(quote_ident(f.conname)) FROM pg_constraint f
        WHERE f.conrelid = c.oid AND f.contype = 'f' AND a.attnum = ANY (f.conkey)
          AND 'n' IN (f.confdeltype, f.confupdtype)) AS "nulledBy",
       CASE WHEN named.oid <> c.oid THEN named.oid::regclass::text END AS partition
     FROM pg_class named
     JOIN pg_class c ON c.oid = CASE WHEN named.relispartition THEN pg_partition_root(named.oid)::oid ELSE named.oid END
     JOIN pg_namespace n ON n.oid = c.relnamespace
     JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
     JOIN pg_type t ON t.oid = a.atttypid
     LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
     WHERE named.relname = $1 AND a.attname = $2 AND ${TABLES}
     ORDER BY 1, 2`,
    [table, column],
  );
}

export interface TableFacts {
  readonly schema: string;
  readonly table: string;
  /** Columns as the catalogue has them, and as SQL writes them. */
  readonly columns: Readonly<Record<string, string>>;
  readonly uniqueIndexes: readonly UniqueIndex[];
}

export async function tableFacts(db: Database, table: string): Promise<readonly TableFacts[]> {
  const rows = await db.query<{ schema: string; table: string; columns: string; indexes: string | null }>(
    `SELECT n.nspname AS schema, format('%I.%I', n.nspname, c.relname) AS "table",
       (SELECT json_object_agg(a.attname, quote_ident(a.attname)) FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)::text AS columns,
       (SELECT json_agg(json_build_object(
          'table', format('%I.%I', n.nspname, c.relname), 'name', quote_ident(x.relname),
          'valid', i.indisvalid AND i.indisready AND i.indislive,
          'predicate', pg_get_expr(i.indpred, i.indrelid, true),
          'keys', (SELECT json_agg(json_build_object('column', a.attname,
                      'text', pg_get_indexdef(i.indexrelid, k, true)) ORDER BY k)
                   FROM generate_series(1, i.indnkeyatts) k
                   LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k - 1] AND a.attnum > 0))
          ORDER BY x.relname)
        FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
        WHERE i.indrelid = c.oid AND i.indisunique)::text AS indexes
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relname = $1 AND ${TABLES}
     ORDER BY 1, 2`,
    [table],
  );
  return rows.map((row) => ({
    schema: row.schema,
    table: row.table,
    columns: JSON.parse(row.columns) as Record<string, string>,
    uniqueIndexes: row.indexes === null ? [] : (JSON.parse(row.indexes) as UniqueIndex[]),
  }));
}

/** The search path that a role's sessions begin with in this database. */
export async function searchPathOf(db: Database, user: string): Promise<readonly string[]> {
  const [row] = await db.query<{ path: string }>(
    `SELECT coalesce(
       (SELECT substr(s.setting, length('search_path=') + 1)
        FROM pg_db_role_setting r CROSS JOIN LATERAL unnest(r.setconfig) AS s (setting)
        WHERE s.setting LIKE 'search\\_path=%'
          AND (r.setrole = 0 OR r.setrole = (SELECT oid FROM pg_roles WHERE rolname = $1))
          AND (r.setdatabase = 0 OR r.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()))
        ORDER BY r.setrole <> 0 DESC, r.setdatabase <> 0 DESC LIMIT 1),
       (SELECT boot_val FROM pg_settings WHERE name = 'search_path')) AS path`,
    [user],
  );
  const path: string[] = [];
  for (const token of tokens(row?.path ?? '')) {
    const name = identifierOf(token);
    if (name !== null) path.push(name === '$user' ? user : name);
  }
  return path;
}

/** Of tables of one name, the one that a statement means: by its schema, else by the role's search path. */
export function meant<T extends { readonly schema: string }>(
  candidates: readonly T[],
  schema: string | null,
  path: readonly string[],
): T | null {
  if (schema !== null) return candidates.find((each) => each.schema === schema) ?? null;
  const onPath = path.flatMap((name) => candidates.filter((each) => each.schema === name));
  return onPath[0] ?? (candidates.length === 1 ? candidates[0]! : null);
}

export interface FunctionFacts {
  /** Schema as the catalogue has it, and the signature as SQL writes it. */
  readonly schema: string;
  readonly signature: string;
}

export async function functionsNamed(db: Database, name: string): Promise<readonly FunctionFacts[]> {
  return db.query<FunctionFacts & Record<string, unknown>>(
    `SELECT n.nspname AS schema, format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)) AS signature
     FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
     WHERE p.proname = $1 ORDER BY 2`,
    [name],
  );
}

/** Null where the server does not offer it. */
export async function extensionFacts(
  db: Database,
  name: string,
): Promise<{ readonly schema: string | null } | null> {
  const [row] = await db.query<{ schema: string | null }>(
    `SELECT (SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
             WHERE e.extname = a.name) AS schema
     FROM pg_available_extensions a WHERE a.name = $1`,
    [name],
  );
  return row ?? null;
}
