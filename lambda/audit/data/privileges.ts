/**
 * Finds out which missing grants leave a role without the privilege in the target. The role may still have it as an
 * owner, as a member of a role, through PUBLIC or as a superuser.
 */
import { type Database, SqlError } from '../../postgres/database';
import { PINNED_SEARCH_PATH } from '../../postgres/pinned-search-path';
import type { Difference } from '../compare/difference';

const HAS_PRIVILEGE_SQL = `SELECT w.i FROM json_to_recordset($1::json) AS w (i int, "on" text, s text, n text, c text, signature text, grantee text, privilege text)
  WHERE (w.grantee = 'public' OR EXISTS (SELECT FROM pg_roles r WHERE r.rolname = w.grantee))
    AND NOT coalesce(CASE w."on"
      WHEN 'table' THEN has_table_privilege(w.grantee, format('%I.%I', w.s, w.n), w.privilege)
      WHEN 'column' THEN has_column_privilege(w.grantee, format('%I.%I', w.s, w.n), w.c, w.privilege)
      WHEN 'sequence' THEN has_sequence_privilege(w.grantee, format('%I.%I', w.s, w.n), w.privilege)
      WHEN 'schema' THEN has_schema_privilege(w.grantee, w.n, w.privilege)
      WHEN 'function' THEN has_function_privilege(w.grantee, format('%I.%I(%s)', w.s, w.n, w.signature), w.privilege)
      WHEN 'type' THEN has_type_privilege(w.grantee, format('%I.%I', w.s, w.n), w.privilege)
      WHEN 'database' THEN has_database_privilege(w.grantee, current_database(), w.privilege) END, false)
  UNION ALL SELECT w.i FROM json_to_recordset($1::json) AS w (i int, grantee text)
    WHERE w.grantee <> 'public' AND NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = w.grantee)`;

/** Removes missing grants that the role does not need in the target, since it has the privilege in another way. */
export async function removeNeedlessGrants(
  db: Database,
  differences: readonly Difference[],
): Promise<readonly Difference[]> {
  const wanted = differences.flatMap(({ privilege }, i) => {
    if (privilege === undefined) return [];
    const { on, object, signature = null, grantee, privileges } = privilege;
    const [s, n, c = null] = on === 'schema' ? [null, object[0]] : object;
    return privileges.map((each) => ({ i, on, s, n, c, signature, grantee, privilege: each }));
  });
  if (wanted.length === 0) return differences;
  try {
    const rows = await db.query<{ i: number }>(HAS_PRIVILEGE_SQL, [JSON.stringify(wanted)], {
      search_path: PINNED_SEARCH_PATH,
      statement_timeout: '10000',
      lock_timeout: '50',
    });
    const lacking = new Set(rows.map(({ i }) => Number(i)));
    return differences.filter(({ privilege }, i) => privilege === undefined || lacking.has(i));
  } catch (error) {
    // If the privileges cannot be queried, all differences are kept.
    if (error instanceof SqlError) return differences;
    throw error;
  }
}
