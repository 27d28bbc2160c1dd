/** Catalog queries of the diagnosis: single SELECTs on pg_catalog whose names are quoted by the server. */
import type { Database } from '../postgres/database';
import { readIdentifier, tokenizeSql } from '../sql/tokens';

/** Maximum number of functions that a page names. */
const MAX_CALLERS = 5;

/** The search path that a role's sessions begin with in this database. */
export async function readSearchPath(db: Database, user: string): Promise<readonly string[]> {
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
  return namesOn(row?.path ?? '').map((name) => (name === '$user' ? user : name));
}

/** Returns the names in a search path, given as the text of the setting. */
const namesOn = (path: string): readonly string[] =>
  [...tokenizeSql(path)].map(readIdentifier).filter((name) => name !== null);

export interface FunctionFacts {
  /** Schema, unquoted as in the catalog. The `signature` is written as SQL. */
  readonly schema: string;
  readonly signature: string;
}

export async function readFunctions(db: Database, name: string): Promise<readonly FunctionFacts[]> {
  return db.query<FunctionFacts & Record<string, unknown>>(
    `SELECT n.nspname AS schema, format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)) AS signature
     FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
     WHERE p.proname = $1 ORDER BY 2`,
    [name],
  );
}

export interface PinnedCaller {
  readonly name: string;
  /** The function's own search path, as the catalog writes it. */
  readonly path: string;
}

/**
 * Returns functions whose body calls this name without a schema, and that set their own search path, so that the
 * session's path does not apply in them. Leaves out functions whose path leads to one of `schemas`, which have the
 * name.
 */
export async function readPinnedCallers(
  db: Database,
  name: string,
  schemas: readonly string[],
): Promise<readonly PinnedCaller[]> {
  const callers = await db.query<PinnedCaller & Record<string, unknown>>(
    `SELECT format('%I.%I', n.nspname, p.proname) AS name, substr(s.setting, length('search_path=') + 1) AS path
     FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace CROSS JOIN LATERAL unnest(p.proconfig) AS s (setting)
     WHERE s.setting LIKE 'search\\_path=%' AND strpos(lower(p.prosrc), lower($1)) > 0
       AND regexp_replace(regexp_replace(p.prosrc, '/\\*.*?\\*/', ' ', 'g'), '--[^\\n]*', ' ', 'g')
         ~* ('(^|[^.[:alnum:]_$"])"?' || regexp_replace($1, '([^[:alnum:]_])', '\\\\\\1', 'g') || '"?\\s*\\(')
       AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'trueup')
     ORDER BY 1`,
    [name],
  );
  // pg_catalog is on every path.
  const leadsTo = (path: string): boolean =>
    ['pg_catalog', ...namesOn(path)].some((schema) => schemas.includes(schema));
  return callers.filter(({ path }) => !leadsTo(path)).slice(0, MAX_CALLERS);
}

/**
 * Returns the schema of an extension, which is null if it is not installed. The result is null if the server does not
 * offer it.
 */
export async function readExtension(
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
