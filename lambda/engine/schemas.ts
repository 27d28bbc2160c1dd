/**
 * A schema a tenant: what a namespace's unqualified names mean, where the target says so. It is pinned for the session and
 * for each transaction, and the ledger records it: a namespace never moves to another schema by a mistake in a list.
 */

import type { ConvergeRequest } from '../contract/converge';
import { type ErrorInfo, TrueupError } from '../contract/errors';
import type { Database } from '../postgres/database';
import { quoteIdentifier } from '../sql/quote';
import type { Ledger } from './ledger/ledger';

/** As the setting has it. @param schemas the namespace's own first */
export const searchPathOf = (schemas: readonly string[]): string => schemas.map(quoteIdentifier).join(', ');

/** Null: whatever the login's search_path is. */
export const schemasOf = (
  ledger: Pick<Ledger, 'schemas'>,
  request: Pick<ConvergeRequest, 'schemas'>,
): readonly string[] | null => request.schemas ?? ledger.schemas ?? null;

/** The request speaks of another schema than the namespace is in. */
export function otherSchema(ledger: Ledger, { namespace, schemas }: ConvergeRequest): ErrorInfo | null {
  const [wanted] = schemas ?? [];
  if (wanted === undefined) return null;
  const [recorded] = ledger.schemas ?? [];
  const applied = ledger.migrations.some(({ state }) => state !== 'undone');
  if (recorded === wanted || (recorded === undefined && !applied)) return null;
  return {
    code: 'target',
    message:
      recorded === undefined
        ? `namespace ${namespace} has migrations that were applied without a schema of its own, and now schema ${wanted} is asked for`
        : `namespace ${namespace} is in schema ${recorded}, and now schema ${wanted} is asked for`,
    remedy: 'Nothing was run. Correct the target, or give another namespace.',
  };
}

/** The ledger has other schemas: those that come after the tenant's own are the fleet's, which its owner may change. */
export const movesSchemas = (ledger: Ledger, { schemas }: Pick<ConvergeRequest, 'schemas'>): boolean =>
  schemas != null && JSON.stringify(schemas) !== JSON.stringify(ledger.schemas ?? null);

/** The path skips a schema that is not there or that the role may not use, and would go on to the next one. */
const PIN = `SELECT pg_catalog.set_config('search_path', $1::pg_catalog.text, false) AS path,
  EXISTS (SELECT FROM pg_catalog.pg_namespace n WHERE n.nspname OPERATOR(pg_catalog.=) $2::pg_catalog.name) AS found,
  (SELECT pg_catalog.has_schema_privilege(r.oid, n.oid, 'USAGE') FROM pg_catalog.pg_namespace n
    JOIN pg_catalog.pg_roles r ON r.rolname OPERATOR(pg_catalog.=) coalesce($3::pg_catalog.name, current_user)
    WHERE n.nspname OPERATOR(pg_catalog.=) $2::pg_catalog.name) AS usable`;

/**
 * Pins them for the session; nothing where there are none.
 * @throws {TrueupError} where the first is not there, or may not be used
 */
export async function pinSchemas(
  db: Database,
  schemas: readonly string[] | null,
  ownerRole: string | null,
): Promise<void> {
  const [own] = schemas ?? [];
  if (schemas === null || own === undefined) return;
  if (!db.capabilities.session) throw new TrueupError(NO_SESSION);
  const [row] = await db.query(PIN, [searchPathOf(schemas), own, ownerRole]);
  if (row!.found !== true) throw new TrueupError(missing(own, ownerRole));
  if (row!.usable !== true) throw new TrueupError(unusable(own, ownerRole));
}

const NO_SESSION: ErrorInfo = {
  code: 'unsupported',
  message: 'a schema a tenant needs a session, which keeps its search path, and the Data API has none',
  remedy: 'Connect to the server itself, or give each tenant a database.',
};

const missing = (schema: string, ownerRole: string | null): ErrorInfo => ({
  code: 'target',
  message: `there is no schema ${schema} in this database`,
  remedy: `Create it if the tenant is new: CREATE SCHEMA ${quoteIdentifier(schema)}${ownerRole === null ? '' : ` AUTHORIZATION ${quoteIdentifier(ownerRole)}`}; or correct the target.`,
  sqlstate: '3F000',
});

function unusable(schema: string, ownerRole: string | null): ErrorInfo {
  const who = ownerRole === null ? 'the login role' : `role ${ownerRole}`;
  const role = ownerRole === null ? '<role>' : quoteIdentifier(ownerRole);
  return {
    code: 'privilege',
    message: `${who} may not use schema ${schema}`,
    remedy: `GRANT USAGE, CREATE ON SCHEMA ${quoteIdentifier(schema)} TO ${role};`,
    sqlstate: '42501',
  };
}
