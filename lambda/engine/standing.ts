/** Where one tenant of a fleet stands, before anything is changed: read from manifest and ledger, in one session. */

import type { ConvergeRequest } from '../contract/converge';
import { type ErrorInfo, TrueupError } from '../contract/errors';
import type { Standing, TargetState } from '../contract/fleet';
import { changesPromise } from './guard/statements';
import type { Ledger } from './ledger/ledger';
import { readLedger } from './ledger/read';
import { stackOwnerName } from './ledger/rows';
import { obstacle, planForward } from './plan/plan';
import { reportOf } from './plan/report';
import type { EngineContext } from './run';
import { movesSchemas, pinSchemas, schemasOf } from './schemas';
import { withDatabase } from './time/session';

/** Never throws for what a database or a ledger can be. */
export async function standing(ctx: EngineContext, request: ConvergeRequest): Promise<Standing> {
  try {
    return await withDatabase(ctx, async (db) => {
      const { namespace, ownerRole = null } = request;
      const ledger = await readLedger(db, namespace, null, ownerRole);
      const refused = obstacle(ctx.manifest, ledger, request) ?? ownedByStack(ledger, request);
      if (refused) throw new TrueupError(refused);
      await pinSchemas(db, schemasOf(ledger, request), ownerRole);
      const { steps, errors } = planForward(ctx.manifest, ledger, request);
      if (errors[0]) throw new TrueupError(errors[0]);
      const changes = changesOf(ledger, request, ctx.manifest);
      return {
        state: steps.length > 0 || changes.length > 0 ? 'behind' : 'at version',
        pending: steps.map(({ migration }) => migration.name),
        ...(changes.length > 0 ? { changes } : {}),
        position: reportOf(ledger, null).position,
      };
    });
  } catch (error) {
    if (!(error instanceof TrueupError)) throw error;
    return { state: STATES[error.info.code] ?? 'refused', pending: [], position: '', error: error.info };
  }
}

/** What a run would bring to the ledger beside migrations. */
const changesOf = (
  ledger: Ledger,
  request: ConvergeRequest,
  manifest: EngineContext['manifest'],
): NonNullable<Standing['changes']> => [
  ...(changesPromise(ledger, { ...request, schemas: ledger.schemas ?? request.schemas }, manifest)
    ? (['workload'] as const)
    : []),
  ...(movesSchemas(ledger, request) ? (['schemas'] as const) : []),
];

const STATES: Partial<Record<ErrorInfo['code'], TargetState>> = {
  connection: 'unreachable',
  history: 'edited',
  ownership: 'foreign',
};

/** A person may migrate one namespace that a stack owns, knowing which; a list of a thousand is no such knowledge. */
function ownedByStack(
  { owner }: Ledger,
  { namespace, owner: asks, adopt }: ConvergeRequest,
): ErrorInfo | null {
  if (owner === null || (asks !== null && adopt) || (asks !== null && stackOwnerName(asks) === owner))
    return null;
  return {
    code: 'ownership',
    message: `namespace ${namespace} belongs to ${owner}`,
    remedy: 'Take the tenant out of the list, or deploy its stack.',
  };
}
