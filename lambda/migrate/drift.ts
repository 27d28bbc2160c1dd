/**
 * The scheduled check: verifies what was applied, audits the database, and checks whether the server logs what the
 * alarms look for. In schema trueup it stores the findings and, if a workload is guaranteed, which statements run.
 */
import type { FleetDrift } from '../contract/fleet-drift';
import type { DriftReport } from '../contract/migrate';
import type { EngineContext } from '../engine/run';
import { withDatabase } from '../engine/time/session';
import { verifyDatabase } from '../engine/verify';
import { log } from '../log';
import { type Database, SqlError } from '../postgres/database';
import { safeServerMessage } from '../postgres/server-words';
import { quoteLiteral } from '../sql/quote';
import { checkAuditDrift, storeRecords } from './audit-drift';
import { withCatalogReads } from './diagnosis';
import { formatHeartbeat } from './heartbeat';
import { listLogSettingProblems, readLogSettings } from './log-settings';
import { buildDriftMetrics, buildFleetMetrics } from './metrics';
import { checkWorkloadDrift } from './workload-drift';

const STATEMENT_TIMEOUT_MS = 30_000;

/**
 * Runs the check on one database. @throws {TrueupError} if the database cannot be reached or the ledger cannot be read
 */
export async function checkDrift(
  ctx: EngineContext,
  namespace: string,
  ownerRole: string | null = null,
  { audit: audits = true }: { readonly audit?: boolean } = {},
): Promise<DriftReport> {
  const { result, ...seen } = await withDatabase(ctx, async (db) => {
    const logging = await readServerLogging(db, namespace);
    const verification = await verifyDatabase(db, ctx, namespace, ownerRole);
    const workload = await checkWorkloadDrift(db, ctx, namespace);
    return {
      verification,
      logging,
      workload: workload.workload,
      result: audits ? await checkAuditDrift(db, ctx, namespace, workload) : null,
    };
  });
  const countsLive = seen.workload !== null;
  return { ...seen, audit: await storeRecords(ctx, namespace, { countsLive, ownerRole, result }) };
}

/** Writes the heartbeat, and returns the problems with the log settings that the alarms rely on. */
export const readServerLogging = (db: Database, namespace: string): Promise<readonly string[]> =>
  withCatalogReads(db, STATEMENT_TIMEOUT_MS, (asking) => checkLogging(asking, namespace));

/** Returns the function name under which metrics are published, no matter which of the two functions runs the check. */
export const resolveMetricsName = (metricsOf?: string): string =>
  metricsOf ?? process.env.AWS_LAMBDA_FUNCTION_NAME ?? 'local';

/** Writes the metrics and the details of the check to the function's log. */
export function reportDrift(namespace: string, report: DriftReport, metricsOf?: string): void {
  const { verification, logging, workload = null, audit = null } = report;
  process.stdout.write(
    `${JSON.stringify(buildDriftMetrics(resolveMetricsName(metricsOf), report, Date.now()))}\n`,
  );
  log('drift-checked', {
    namespace,
    verified: verification.verified.length,
    pending: verification.pending,
    withoutVerify: verification.withoutVerify,
    ...(verification.notChecked ? { notChecked: verification.notChecked } : {}),
    findings: verification.findings,
    ...(verification.changed ? { changed: verification.changed } : {}),
    errors: verification.errors,
    logging,
    ...(workload === null ? {} : { workload }),
    ...(audit === null ? {} : { audit }),
  });
}

/** Writes the metrics and the details of a fleet server's check to the function's log. */
export function reportFleetDrift(namespace: string, report: FleetDrift, metricsOf?: string): void {
  process.stdout.write(
    `${JSON.stringify(buildFleetMetrics(resolveMetricsName(metricsOf), report, Date.now()))}\n`,
  );
  log('fleet-drift-checked', { namespace, ...report });
}

/** Writes the heartbeat before anything else: its arrival shows that the log works, whatever the rest finds. */
async function checkLogging(db: Database, namespace: string): Promise<readonly string[]> {
  const heartbeat = await writeHeartbeat(db, namespace);
  const settings = await catchSqlErrorAsFinding('Reading the log settings', async () =>
    listLogSettingProblems(await readLogSettings(db)),
  );
  return [...heartbeat, ...settings];
}

/** Writes the heartbeat with RAISE LOG, which goes only to the server's log and needs no privilege. */
async function writeHeartbeat(db: Database, namespace: string): Promise<readonly string[]> {
  return catchSqlErrorAsFinding('Writing the heartbeat line', async () => {
    const [here] = await db.query<{ name: string }>('SELECT pg_catalog.current_database() AS name');
    const format = quoteLiteral(formatHeartbeat(here!.name, namespace).replaceAll('%', '%%'));
    await db.query(`DO LANGUAGE plpgsql ${quoteLiteral(`BEGIN RAISE LOG ${format}; END`)}`);
    return [];
  });
}

/** Turns an error of the server into a finding. A lost connection is rethrown. */
async function catchSqlErrorAsFinding(
  what: string,
  work: () => Promise<readonly string[]>,
): Promise<readonly string[]> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    return [
      `${what} failed (SQLSTATE ${error.sqlstate}): ${safeServerMessage(error.sqlstate, error.message, error)}.`,
    ];
  }
}
