/** What a diagnosis asks the catalogue: single SELECTs on pg_catalog, names quoted by the server. */
import type { Database } from '../postgres/database';
import { identifierOf, tokens } from '../sql/tokens';

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
