/** Undoes one migration that a person named, even if its down section destroys data. */

import type { ConvergeOutcome, ConvergeRequest, StackOwner } from '../../contract/converge';
import { TrueupError } from '../../contract/errors';
import type { Database } from '../../postgres/database';
import { makePinnedTransaction } from '../../postgres/pinned-search-path';
import { installLedger, isOutdated } from '../install';
import type { Ledger } from '../ledger/ledger';
import { buildBeginSql, buildEndSql, buildRenameSql } from '../ledger/ledger-rows';
import { readLedger } from '../ledger/read';
import { getNamespaceLock, withRunnerLock } from '../locks/runner-lock';
import { onDatabase, withOwnerRole } from '../on-database';
import { findPreconditionError } from '../plan/plan';
import { applyRenames, listFormerNames, planRenames, resolveCurrentName } from '../plan/renamed-files';
import type { UndoStep } from '../plan/rollback';
import { buildReport } from '../plan/run-report';
import { beginRun, ConcurrentRunnerError, type EngineContext, type Run } from '../run';
import { pinSchemas, resolveSchemas } from '../search-path';
import { makeUndoStep, type RecordedDown } from './step';
import { undo } from './undo';

export interface DownRequest {
  readonly id: string;
  readonly namespace: string;
  readonly owner: StackOwner | null;
  readonly name: string;
  readonly ownerRole?: string | null;
}

export async function down(ctx: EngineContext, asked: DownRequest): Promise<ConvergeOutcome> {
  const request: ConvergeRequest = { ...asked, direction: 'forward', manifestHash: ctx.manifest.hash };
  return onDatabase(ctx, request, async (db) => {
    const owned = withOwnerRole(db, request);
    await upgradeLedger(db, ctx, owned);
    return withRunnerLock(db, ctx, getNamespaceLock(asked.namespace), () =>
      undoUnderLock(db, ctx, withOwnerRole(db, asked), owned),
    );
  });
}

/** Upgrades a ledger that is older than this code. Without a ledger there is nothing to undo. */
export async function upgradeLedger(
  db: Database,
  ctx: EngineContext,
  request: ConvergeRequest,
): Promise<void> {
  const { namespace, id, ownerRole = null } = request;
  const ledger = await readLedger(db, namespace, id, ownerRole);
  const refused = findPreconditionError(ctx.manifest, ledger, request);
  if (refused) throw new TrueupError(refused);
  if (ledger.version !== null && isOutdated(ledger)) await installLedger(db, ctx, request, async () => null);
}

async function undoUnderLock(
  db: Database,
  ctx: EngineContext,
  asked: DownRequest,
  request: ConvergeRequest,
): Promise<ConvergeOutcome> {
  const { manifest } = ctx;
  const found = await readLedger(db, asked.namespace, asked.id, asked.ownerRole ?? null);
  const { renames } = planRenames(manifest, found, request);
  const ledger = applyRenames(found, renames, asked.id);
  const refused = findPreconditionError(manifest, ledger, request);
  if (refused) throw new TrueupError(refused);
  await pinSchemas(db, resolveSchemas(ledger, request), request.ownerRole ?? null);
  // A repeated request: a slice or a connection ended before its answer arrived.
  if (ledger.deployment?.result) return ledger.deployment.result;
  const run = beginRun(db, ctx, ledger, request);
  const isKnown = ledger.migrations.some((each) => each.name === asked.name);
  const name = isKnown ? asked.name : resolveCurrentName(asked.name, ledger.renames);
  const row = ledger.migrations.find((each) => each.name === name);
  if (row?.state === 'undone' && row.deployment === asked.id) {
    const outcome: ConvergeOutcome = { status: 'done', report: buildReport(ledger, run) };
    await db.execute([makePinnedTransaction(buildEndSql(request, outcome))]);
    return outcome;
  }
  const rowName = renames.find(({ to }) => to === name)?.from ?? name;
  const recorded = ledger.version === null ? null : await readDown(db, asked.namespace, rowName, ledger);
  const step = makeUndoStep(manifest, ledger, name, recorded);
  await db.execute([
    makePinnedTransaction([
      ...buildBeginSql(request, manifest),
      ...buildRenameSql(asked.namespace, asked.id, renames),
    ]),
  ]);
  const outcome = await attemptUndo(run, step, ledger);
  await db.execute([makePinnedTransaction(buildEndSql(request, outcome))]);
  return outcome;
}

async function attemptUndo(run: Run, step: UndoStep, ledger: Ledger): Promise<ConvergeOutcome> {
  try {
    await undo(run, step);
    return { status: 'done', report: buildReport(ledger, run) };
  } catch (thrown) {
    const error = thrown instanceof ConcurrentRunnerError ? makeOvertakenError(thrown) : thrown;
    if (!(error instanceof TrueupError)) throw error;
    return { status: 'failed', error: error.info, report: buildReport(ledger, run) };
  }
}

const makeOvertakenError = ({ message }: ConcurrentRunnerError): TrueupError =>
  new TrueupError({ code: 'busy', message, remedy: 'See `trueup status`; nothing was undone here.' });

/**
 * Reads the recorded `down` of a migration. The deployment that applied it may have recorded it under a former name.
 */
async function readDown(
  db: Run['db'],
  namespace: string,
  name: string,
  { renames = [] }: Ledger,
): Promise<RecordedDown | null> {
  const rows = await db.query(
    `SELECT m.down, e.down AS checksum, e.settings
FROM trueup.migrations m
LEFT JOIN trueup.deployments d ON d.namespace OPERATOR(pg_catalog.=) m.namespace AND d.id OPERATOR(pg_catalog.=) m.deployment
LEFT JOIN LATERAL pg_catalog.jsonb_to_recordset(d.entries) AS e (name pg_catalog.text, down pg_catalog.text, settings pg_catalog.text)
  ON e.name OPERATOR(pg_catalog.=) m.name OR e.name OPERATOR(pg_catalog.=) ANY ($3::pg_catalog.text[])
WHERE m.namespace OPERATOR(pg_catalog.=) $1::pg_catalog.text AND m.name OPERATOR(pg_catalog.=) $2::pg_catalog.text
ORDER BY e.name OPERATOR(pg_catalog.=) m.name DESC NULLS LAST LIMIT 1`,
    [namespace, name, listFormerNames(name, renames)],
  );
  return (rows[0] as RecordedDown | undefined) ?? null;
}
