/** Reads the roles of the target's server, because roles that a grant or a policy names must exist. Read-only. */
import type { Database } from '../../../lambda/postgres/database';
import { PINNED_SEARCH_PATH } from '../../../lambda/postgres/pinned-search-path';

export async function readRoles(db: Database): Promise<ReadonlySet<string>> {
  const rows = await db.query<{ name: string }>('SELECT rolname::text AS name FROM pg_roles', [], {
    search_path: PINNED_SEARCH_PATH,
    statement_timeout: '10000',
  });
  return new Set(rows.map(({ name }) => name));
}
