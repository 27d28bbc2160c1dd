/** Which roles the server of the target has: what a grant or a policy names has to be there. Reads only. */
import type { Database } from '../../../lambda/postgres/database';
import { PINNED_PATH } from '../../../lambda/postgres/pinned';

export async function readRoles(db: Database): Promise<ReadonlySet<string>> {
  const rows = await db.query<{ name: string }>('SELECT rolname::text AS name FROM pg_roles', [], {
    search_path: PINNED_PATH,
    statement_timeout: '10000',
  });
  return new Set(rows.map(({ name }) => name));
}
