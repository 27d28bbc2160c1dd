/** Resolves names as the migrations' SQL does: with an owner role, `"$user"` in the search_path is that role. */

import { type ErrorInfo, TrueupError } from '../../contract/errors';
import type { Database } from '../../postgres/database';
import type { Run } from '../run';

/**
 * Returns the oids of the named relations in order; `null` where there is no such relation. The caller can then query
 * them as the login role, which may see more of other sessions.
 */
export async function resolveRelations(
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
 * Returns the schemas in which the login role's unqualified names are looked up, if the owner role's differ;
 * otherwise `null`. Needed for a transport without a session, which runs non-transactional statements as the
 * login role.
 */
async function findDifferentSearchPath(db: Database, ownerRole: string): Promise<string | null> {
  const read = 'SELECT pg_catalog.current_schemas(false)::pg_catalog.text AS path';
  const [login, owner] = [await db.query(read), await db.query(read, [], { role: ownerRole })];
  return login[0]!.path === owner[0]!.path ? null : String(login[0]!.path);
}

/**
 * Over the Data API, the owner role can only be set within a transaction.
 * @throws {TrueupError} if a non-transactional statement would look up its names in other schemas
 */
export async function refuseDifferentSearchPath(
  run: Run,
  about: Partial<ErrorInfo>,
  command: string,
): Promise<void> {
  const { ownerRole } = run.names;
  if (ownerRole === null || run.db.capabilities.session) return;
  const path = await findDifferentSearchPath(run.db, ownerRole);
  if (path === null) return;
  throw new TrueupError({
    ...about,
    code: 'unsupported',
    message: `over the Data API, ${command} runs as the login role, whose unqualified names are looked up in ${path}; those of ${ownerRole} are looked up in other schemas`,
    remedy:
      'Give the login role a search_path that names the schemas themselves and not "$user" (ALTER ROLE … SET search_path = …).',
  });
}
