/** What names written in SQL mean to the migrations: with an owner role, `"$user"` in the search_path is that role. */
import type { Database } from '../postgres/database';

/**
 * As oids, in order; null where there is no such relation. To be read about afterwards as the login role, which may see
 * more of what other sessions do.
 */
export async function relationsNamed(
  db: Database,
  names: readonly string[],
  ownerRole: string | null,
): Promise<(string | null)[]> {
  const rows = await db.query<{ oid: string | null }>(
    `SELECT pg_catalog.to_regclass(name)::oid::text AS oid
FROM pg_catalog.unnest($1::text[]) WITH ORDINALITY AS x (name, n) ORDER BY n`,
    [names],
    ownerRole === null ? undefined : { role: ownerRole },
  );
  return rows.map(({ oid }) => oid);
}

/**
 * The schemas that the login role's unqualified names are looked up in, where the owner role's are others; null where
 * they are the same. For a transport without a session, which runs what needs no transaction as the login role.
 */
export async function otherThanOwners(db: Database, ownerRole: string): Promise<string | null> {
  const read = 'SELECT pg_catalog.current_schemas(false)::text AS path';
  const [login, owner] = [await db.query(read), await db.query(read, [], { role: ownerRole })];
  return login[0]!.path === owner[0]!.path ? null : String(login[0]!.path);
}
