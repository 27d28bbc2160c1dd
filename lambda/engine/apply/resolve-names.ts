/** What names written in SQL mean to the migrations: with an owner role, `"$user"` in the search_path is that role. */

import { type ErrorInfo, TrueupError } from '../../contract/errors';
import type { Database } from '../../postgres/database';
import type { Run } from '../run';

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
    `SELECT pg_catalog.to_regclass(name)::pg_catalog.oid::pg_catalog.text AS oid
FROM pg_catalog.unnest($1::pg_catalog.text[]) WITH ORDINALITY AS x (name, n) ORDER BY n`,
    [names],
    ownerRole === null ? undefined : { role: ownerRole },
  );
  return rows.map(({ oid }) => oid);
}

/**
 * The schemas that the login role's unqualified names are looked up in, where the owner role's are others; null where
 * they are the same. For a transport without a session, which runs what needs no transaction as the login role.
 */
async function otherThanOwners(db: Database, ownerRole: string): Promise<string | null> {
  const read = 'SELECT pg_catalog.current_schemas(false)::pg_catalog.text AS path';
  const [login, owner] = [await db.query(read), await db.query(read, [], { role: ownerRole })];
  return login[0]!.path === owner[0]!.path ? null : String(login[0]!.path);
}

/**
 * Over the Data API the owner role can be had in a transaction only.
 * @throws {TrueupError} where what runs outside one would look up its names elsewhere
 */
export async function refuseOtherPath(run: Run, about: Partial<ErrorInfo>, command: string): Promise<void> {
  const { ownerRole } = run.names;
  if (ownerRole === null || run.db.capabilities.session) return;
  const path = await otherThanOwners(run.db, ownerRole);
  if (path === null) return;
  throw new TrueupError({
    ...about,
    code: 'unsupported',
    message: `over the Data API ${command} runs as the login role, whose names are looked up in ${path}, and not where those of ${ownerRole} are`,
    remedy:
      'Give the login role a search_path that names the schemas themselves and not "$user" (ALTER ROLE … SET search_path = …).',
  });
}
