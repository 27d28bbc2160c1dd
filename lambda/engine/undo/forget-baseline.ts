/**
 * Removes what a baseline recorded, e.g. for the wrong schema or database, so that those migrations are pending
 * again. They were never run here, so only the ledger is changed.
 */

import type { ConvergeOutcome, ConvergeRequest } from '../../contract/converge';
import { TrueupError } from '../../contract/errors';
import type { Manifest } from '../../contract/manifest';
import type { Database } from '../../postgres/database';
import { makePinnedTransaction } from '../../postgres/pinned-search-path';
import { quoteLiteral } from '../../sql/quote';
import type { Ledger, LedgerMigration } from '../ledger/ledger';
import {
  buildBeginSql,
  buildEndSql,
  buildRenameSql,
  buildUndoneSql,
  toKnownRow,
} from '../ledger/ledger-rows';
import { readLedger } from '../ledger/read';
import { getNamespaceLock, withRunnerLock } from '../locks/runner-lock';
import { onDatabase, withOwnerRole } from '../on-database';
import { findPreconditionError } from '../plan/plan';
import { applyRenames, planRenames, resolveCurrentName } from '../plan/renamed-files';
import { buildReport } from '../plan/run-report';
import type { EngineContext } from '../run';
import { type DownRequest, upgradeLedger } from './down';

/**
 * Forgets a baseline. @param asked `name` is the oldest migration to forget; newer ones that the baseline recorded
 * are forgotten too
 */
export async function forgetBaseline(ctx: EngineContext, asked: DownRequest): Promise<ConvergeOutcome> {
  const request: ConvergeRequest = { ...asked, direction: 'forward', manifestHash: ctx.manifest.hash };
  return onDatabase(ctx, request, async (db) => {
    const owned = withOwnerRole(db, request);
    await upgradeLedger(db, ctx, owned);
    return withRunnerLock(db, ctx, getNamespaceLock(asked.namespace), () =>
      forgetUnderLock(db, ctx, asked, owned),
    );
  });
}

async function forgetUnderLock(
  db: Database,
  { manifest }: EngineContext,
  { name }: DownRequest,
  request: ConvergeRequest,
): Promise<ConvergeOutcome> {
  const { namespace, id, ownerRole = null } = request;
  const found = await readLedger(db, namespace, id, ownerRole);
  const { renames } = planRenames(manifest, found, request);
  const ledger = applyRenames(found, renames, id);
  const refused = findPreconditionError(manifest, ledger, request);
  if (refused) throw new TrueupError(refused);
  // A repeated request: the connection ended before its answer arrived.
  if (ledger.deployment?.result) return ledger.deployment.result;
  const rows = listBaselinedFrom(name, ledger, manifest);
  const undone = new Set(rows.map((row) => row.name));
  const left = { ...ledger, migrations: ledger.migrations.filter((row) => !undone.has(row.name)) };
  const outcome: ConvergeOutcome = {
    status: 'done',
    report: { ...buildReport(left, null), undone: [...undone] },
  };
  await db.execute([
    makePinnedTransaction([
      ...buildBeginSql(request, manifest),
      ...buildRenameSql(namespace, id, renames),
      ...rows.flatMap((row) => [
        buildUndoneSql(namespace, row.name, id, toKnownRow(row)),
        `UPDATE trueup.migrations SET baselined = false
WHERE namespace OPERATOR(pg_catalog.=) ${quoteLiteral(namespace)} AND name OPERATOR(pg_catalog.=) ${quoteLiteral(row.name)}`,
      ]),
      // If no migration is applied any more, the next baseline may name another schema.
      `UPDATE trueup.namespaces SET schemas = NULL WHERE name OPERATOR(pg_catalog.=) ${quoteLiteral(namespace)}
  AND NOT EXISTS (SELECT FROM trueup.migrations m WHERE m.namespace OPERATOR(pg_catalog.=) ${quoteLiteral(namespace)}
    AND m.state OPERATOR(pg_catalog.<>) 'undone')`,
      ...buildEndSql(request, outcome),
    ]),
  ]);
  return outcome;
}

/** Returns the recorded migrations from `name` on. @throws {TrueupError} if no baseline recorded it */
function listBaselinedFrom(
  asked: string,
  { migrations, renames }: Ledger,
  manifest: Manifest,
): readonly [LedgerMigration, ...LedgerMigration[]] {
  const recorded = migrations
    .filter((row) => row.baselined && row.state !== 'undone')
    .sort((a, b) => compareNames(a.name, b.name));
  const name = migrations.some((row) => row.name === asked) ? asked : resolveCurrentName(asked, renames);
  const first = recorded.findIndex((row) => row.name === name);
  if (first >= 0) return recorded.slice(first) as [LedgerMigration, ...LedgerMigration[]];
  const row = migrations.find((each) => each.name === name && each.state !== 'undone');
  const why = row
    ? 'it was run here'
    : manifest.migrations.some((each) => each.name === name)
      ? 'it is not recorded as applied'
      : 'neither the folder nor the ledger has it';
  const others = recorded.map((each) => each.name).slice(0, 10);
  throw new TrueupError({
    code: 'undo',
    message: `no baseline recorded ${name}: ${why}`,
    remedy:
      others.length > 0
        ? `Nothing was changed. A baseline recorded ${others.join(', ')}.`
        : row
          ? `Nothing was changed. \`trueup down ${name}\` undoes what was run.`
          : 'Nothing was changed. No migration of this namespace was recorded by a baseline.',
  });
}

const parseVersion = (name: string): bigint => BigInt(/^\d+/.exec(name)?.[0] ?? 0);
const compareNames = (a: string, b: string): number =>
  parseVersion(a) === parseVersion(b) ? (a < b ? -1 : 1) : parseVersion(a) < parseVersion(b) ? -1 : 1;
