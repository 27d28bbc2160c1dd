/**
 * Schema-per-tenant: the schemas in which a namespace's unqualified names are looked up, if the target names them.
 * The search path is set for the session and for each transaction, and the ledger records it, so that a mistake in a
 * list of targets never moves a namespace to another schema.
 */

import type { ConvergeRequest } from '../contract/converge';
import { type ErrorInfo, TrueupError } from '../contract/errors';
import type { Database } from '../postgres/database';
import { quoteIdentifier } from '../sql/quote';
import type { Ledger } from './ledger/ledger';

/** Returns the value for `search_path`. @param schemas the namespace's own schema first */
export const formatSearchPath = (schemas: readonly string[]): string =>
  schemas.map(quoteIdentifier).join(', ');

/** Returns the schemas of the namespace. `null` means the login's own search path. */
export const resolveSchemas = (
  ledger: Pick<Ledger, 'schemas'>,
  request: Pick<ConvergeRequest, 'schemas'>,
): readonly string[] | null => request.schemas ?? ledger.schemas ?? null;

/** Returns an error if the request names another schema than the one that the namespace is in. */
export function findSchemaMismatch(
  ledger: Ledger,
  { namespace, schemas }: ConvergeRequest,
): ErrorInfo | null {
  const [wanted] = schemas ?? [];
  if (wanted === undefined) return null;
  const [recorded] = ledger.schemas ?? [];
  const applied = ledger.migrations.filter(({ state }) => state !== 'undone');
  if (recorded === wanted || (recorded === undefined && applied.length === 0)) return null;
  const [first] = applied;
  return {
    code: 'target',
    message:
      recorded === undefined
        ? `namespace ${namespace} has migrations that were applied without a tenant's schema, but this request names schema ${wanted}`
        : `namespace ${namespace} is in schema ${recorded}, but this request names schema ${wanted}`,
    remedy:
      first !== undefined && applied.every(({ baselined }) => baselined)
        ? `Nothing was run. Correct the target; or, if a baseline was recorded for the wrong schema: \`trueup baseline ${first.name} --undo --namespace ${namespace}\` removes it.`
        : 'Nothing was run. Correct the target, or give another namespace.',
  };
}

/**
 * Whether the ledger records other schemas. Those after the tenant's own belong to the whole fleet, whose owner may
 * change them.
 */
export const changesSharedSchemas = (
  ledger: Ledger,
  { schemas }: Pick<ConvergeRequest, 'schemas'>,
): boolean => schemas != null && JSON.stringify(schemas) !== JSON.stringify(ledger.schemas ?? null);

/**
 * A search path silently skips a schema that does not exist or that the role may not use, so both are checked first.
 */
const USABLE_SCHEMAS_SQL = `SELECT
  EXISTS (SELECT FROM pg_catalog.pg_namespace n WHERE n.nspname OPERATOR(pg_catalog.=) $1::pg_catalog.name) AS found,
  (SELECT pg_catalog.has_schema_privilege(r.oid, n.oid, 'USAGE') FROM pg_catalog.pg_namespace n
    JOIN pg_catalog.pg_roles r ON r.rolname OPERATOR(pg_catalog.=) coalesce($2::pg_catalog.name, current_user)
    WHERE n.nspname OPERATOR(pg_catalog.=) $1::pg_catalog.name) AS usable`;

/**
 * Sets the search path for the session; does nothing if there are no schemas.
 * @throws {TrueupError} if the first schema does not exist or the role may not use it
 */
export async function pinSchemas(
  db: Database,
  schemas: readonly string[] | null,
  ownerRole: string | null,
): Promise<void> {
  const [own] = schemas ?? [];
  if (schemas === null || own === undefined) return;
  if (!db.capabilities.session) throw new TrueupError(NO_SESSION_ERROR);
  await db.setSearchPath(formatSearchPath(schemas));
  const [row] = await db.query(USABLE_SCHEMAS_SQL, [own, ownerRole]);
  if (row!.found !== true) throw new TrueupError(makeMissingSchemaError(own, ownerRole));
  if (row!.usable !== true) throw new TrueupError(makeUnusableSchemaError(own, ownerRole));
}

/**
 * Refuses a request for a tenant's namespace (`folder/schema`) whose schema neither the ledger nor the request names.
 * Its statements would run in the first schema of the login's search path.
 * @throws {TrueupError} if the database has that schema
 */
export async function refuseTenantWithoutSchema(
  db: Database,
  ledger: Ledger,
  request: ConvergeRequest,
): Promise<void> {
  const { namespace, owner } = request;
  const schema = /\/(.+)$/.exec(namespace)?.[1];
  const applied = ledger.migrations.some(({ state }) => state !== 'undone');
  if (schema === undefined || owner !== null || applied || resolveSchemas(ledger, request) !== null) return;
  const [row] = await db.query(
    'SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname OPERATOR(pg_catalog.=) $1::pg_catalog.name) AS found',
    [schema],
  );
  if (row!.found !== true) return;
  throw new TrueupError({
    code: 'target',
    message: `namespace ${namespace} belongs to a tenant in schema ${schema}, but no schema was given; unqualified names would be looked up in the login's search path`,
    remedy: `Nothing was run. For a baseline, give \`--schema ${schema}\`; to migrate the tenant, use \`trueup up --fleet\`.`,
  });
}

const NO_SESSION_ERROR: ErrorInfo = {
  code: 'unsupported',
  message: 'schema-per-tenant needs a session, which keeps its search path, and the Data API has none',
  remedy: 'Connect to the server directly, or give each tenant its own database.',
};

const makeMissingSchemaError = (schema: string, ownerRole: string | null): ErrorInfo => ({
  code: 'target',
  message: `there is no schema ${schema} in this database`,
  remedy: `Create it if the tenant is new: CREATE SCHEMA ${quoteIdentifier(schema)}${ownerRole === null ? '' : ` AUTHORIZATION ${quoteIdentifier(ownerRole)}`}; or correct the target.`,
  sqlstate: '3F000',
});

function makeUnusableSchemaError(schema: string, ownerRole: string | null): ErrorInfo {
  const who = ownerRole === null ? 'the login role' : `role ${ownerRole}`;
  const role = ownerRole === null ? '<role>' : quoteIdentifier(ownerRole);
  return {
    code: 'privilege',
    message: `${who} may not use schema ${schema}`,
    remedy: `GRANT USAGE, CREATE ON SCHEMA ${quoteIdentifier(schema)} TO ${role};`,
    sqlstate: '42501',
  };
}
