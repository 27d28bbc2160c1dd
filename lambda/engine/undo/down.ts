/** Undoes one migration because a person named it; it may destroy what the file says it destroys. */

import type { ConvergeRequest, Outcome, StackOwner } from '../../contract/converge';
import { TrueupError } from '../../contract/errors';
import type { Database } from '../../postgres/database';
import { pinned } from '../../postgres/pinned';
import { install, isOld } from '../install';
import type { Ledger } from '../ledger/ledger';
import { readLedger } from '../ledger/read';
import { beginStatements, endStatements } from '../ledger/rows';
import { lockOf, withRunnerLock } from '../locks/runner-lock';
import { onDatabase } from '../on-database';
import { obstacle } from '../plan/plan';
import { reportOf } from '../plan/report';
import type { UndoStep } from '../plan/rollback';
import { beginRun, type EngineContext, Overtaken, type Run } from '../run';
import { pinSchemas, schemasOf } from '../schemas';
import { type RecordedDown, stepFor } from './step';
import { undo } from './undo';

export interface DownRequest {
  readonly id: string;
  readonly namespace: string;
  readonly owner: StackOwner | null;
  readonly name: string;
  readonly ownerRole?: string | null;
}

export async function down(ctx: EngineContext, asked: DownRequest): Promise<Outcome> {
  const request: ConvergeRequest = { ...asked, direction: 'forward', manifestHash: ctx.manifest.hash };
  return onDatabase(ctx, request, async (db) => {
    await upgrade(db, ctx, request);
    return withRunnerLock(db, ctx, lockOf(asked.namespace), () => underLock(db, ctx, asked, request));
  });
}

/** A ledger that is older than this code is brought up to date first; without one there is nothing to undo. */
async function upgrade(db: Database, ctx: EngineContext, request: ConvergeRequest): Promise<void> {
  const { namespace, id, ownerRole = null } = request;
  const ledger = await readLedger(db, namespace, id, ownerRole);
  const refused = obstacle(ctx.manifest, ledger, request);
  if (refused) throw new TrueupError(refused);
  if (ledger.version !== null && isOld(ledger)) await install(db, ctx, request, async () => null);
}

async function underLock(
  db: Database,
  ctx: EngineContext,
  asked: DownRequest,
  request: ConvergeRequest,
): Promise<Outcome> {
  const { manifest } = ctx;
  const ledger = await readLedger(db, asked.namespace, asked.id, asked.ownerRole ?? null);
  const refused = obstacle(manifest, ledger, request);
  if (refused) throw new TrueupError(refused);
  await pinSchemas(db, schemasOf(ledger, request), request.ownerRole ?? null);
  // The same request again: a slice, or a connection, ended before its answer was there.
  if (ledger.deployment?.result) return ledger.deployment.result;
  const run = beginRun(db, ctx, ledger, request);
  const row = ledger.migrations.find(({ name }) => name === asked.name);
  if (row?.state === 'undone' && row.deployment === asked.id) {
    const outcome: Outcome = { status: 'done', report: reportOf(ledger, run) };
    await db.execute([pinned(endStatements(request, outcome))]);
    return outcome;
  }
  const recorded = ledger.version === null ? null : await readDown(db, asked.namespace, asked.name);
  const step = stepFor(manifest, ledger, asked.name, recorded);
  await db.execute([pinned(beginStatements(request, manifest))]);
  const outcome = await attempt(run, step, ledger);
  await db.execute([pinned(endStatements(request, outcome))]);
  return outcome;
}

async function attempt(run: Run, step: UndoStep, ledger: Ledger): Promise<Outcome> {
  try {
    await undo(run, step);
    return { status: 'done', report: reportOf(ledger, run) };
  } catch (thrown) {
    const error = thrown instanceof Overtaken ? overtaken(thrown) : thrown;
    if (!(error instanceof TrueupError)) throw error;
    return { status: 'failed', error: error.info, report: reportOf(ledger, run) };
  }
}

const overtaken = ({ message }: Overtaken): TrueupError =>
  new TrueupError({ code: 'busy', message, remedy: 'See `trueup status`; nothing was undone here.' });

async function readDown(db: Run['db'], namespace: string, name: string): Promise<RecordedDown | null> {
  const rows = await db.query(
    `SELECT m.down, e.down AS checksum, e.settings
FROM trueup.migrations m
LEFT JOIN trueup.deployments d ON d.namespace OPERATOR(pg_catalog.=) m.namespace AND d.id OPERATOR(pg_catalog.=) m.deployment
LEFT JOIN LATERAL pg_catalog.jsonb_to_recordset(d.entries) AS e (name pg_catalog.text, down pg_catalog.text, settings pg_catalog.text)
  ON e.name OPERATOR(pg_catalog.=) m.name
WHERE m.namespace OPERATOR(pg_catalog.=) $1::pg_catalog.text AND m.name OPERATOR(pg_catalog.=) $2::pg_catalog.text`,
    [namespace, name],
  );
  return (rows[0] as RecordedDown | undefined) ?? null;
}
