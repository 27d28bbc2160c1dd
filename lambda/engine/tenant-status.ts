/**
 * Determines the state of one tenant of a fleet before anything is changed, from manifest and ledger, in one session.
 */

import type { ConvergeRequest } from '../contract/converge';
import { type ErrorInfo, TrueupError } from '../contract/errors';
import type { InspectedState, TenantStatus } from '../contract/fleet';
import { changesWorkload } from './guard/guard-sql';
import type { Ledger } from './ledger/ledger';
import { formatStackOwner } from './ledger/ledger-rows';
import { readLedger } from './ledger/read';
import { findPreconditionError, planForward } from './plan/plan';
import { buildReport } from './plan/run-report';
import type { EngineContext } from './run';
import { changesSharedSchemas, pinSchemas, resolveSchemas } from './search-path';
import { withDatabase } from './time/session';

/** Returns the tenant's state. Failures of the database or the ledger are returned and never thrown. */
export async function readTenantStatus(ctx: EngineContext, request: ConvergeRequest): Promise<TenantStatus> {
  try {
    return await withDatabase(ctx, async (db) => {
      const { namespace, ownerRole = null } = request;
      const ledger = await readLedger(db, namespace, null, ownerRole);
      const refused =
        findPreconditionError(ctx.manifest, ledger, request) ?? findOwnershipError(ledger, request);
      if (refused) throw new TrueupError(refused);
      await pinSchemas(db, resolveSchemas(ledger, request), ownerRole);
      const { steps, errors, renames } = planForward(ctx.manifest, ledger, request);
      if (errors[0]) throw new TrueupError(errors[0]);
      const changes = [
        ...listLedgerChanges(ledger, request, ctx.manifest),
        ...(renames.length > 0 ? (['names'] as const) : []),
      ];
      return {
        state: steps.length > 0 || changes.length > 0 ? 'behind' : 'up to date',
        pending: steps.map(({ migration }) => migration.name),
        ...(changes.length > 0 ? { changes } : {}),
        position: buildReport(ledger, null).position,
      };
    });
  } catch (error) {
    if (!(error instanceof TrueupError)) throw error;
    return {
      state: STATES_BY_ERROR[error.info.code] ?? 'refused',
      pending: [],
      position: '',
      error: error.info,
    };
  }
}

/** Returns what a run would change in the ledger besides migrations. */
const listLedgerChanges = (
  ledger: Ledger,
  request: ConvergeRequest,
  manifest: EngineContext['manifest'],
): NonNullable<TenantStatus['changes']> => [
  ...(changesWorkload(ledger, { ...request, schemas: ledger.schemas ?? request.schemas }, manifest)
    ? (['workload'] as const)
    : []),
  ...(changesSharedSchemas(ledger, request) ? (['schemas'] as const) : []),
];

const STATES_BY_ERROR: Partial<Record<ErrorInfo['code'], InspectedState>> = {
  connection: 'unreachable',
  history: 'edited',
  ownership: 'foreign',
};

/**
 * Returns an error if a stack owns the namespace. A person may migrate one such namespace by naming it, but a list of
 * a thousand tenants does not show that this is intended.
 */
function findOwnershipError(
  { owner }: Ledger,
  { namespace, owner: asks, adopt }: ConvergeRequest,
): ErrorInfo | null {
  if (owner === null || (asks !== null && adopt) || (asks !== null && formatStackOwner(asks) === owner))
    return null;
  return {
    code: 'ownership',
    message: `namespace ${namespace} belongs to ${owner}`,
    remedy: 'Take the tenant out of the list, or deploy its stack.',
  };
}
