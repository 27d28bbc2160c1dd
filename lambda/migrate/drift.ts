/**
 * The scheduled check: is what was applied still there, what else is wrong, and would the alarms see an error? What it writes is in
 * schema trueup: which findings it has seen, and with a workload what runs.
 */
import type { FleetDrift } from '../contract/fleet-drift';
import type { DriftReport } from '../contract/migrate';
import { countLiveOn } from '../engine/guard/count-live';
import type { EngineContext } from '../engine/run';
import { withDatabase } from '../engine/time/session';
import { verifyOn } from '../engine/verify';
import { log } from '../log';
import { type Database, SqlError } from '../postgres/database';
import { safeServerMessage } from '../postgres/server-words';
import { quoteLiteral } from '../sql/quote';
import { auditDrift } from './audit-drift';
import { onCatalogue } from './diagnosis';
import { HEARTBEAT_WORDS } from './heartbeat';
import { logSettingProblems, readLogSettings } from './log-settings';
import { driftMetrics, fleetMetrics } from './metrics';
import { workloadDrift } from './workload-drift';

const STATEMENT_TIMEOUT_MS = 30_000;

/** @throws {TrueupError} when the database cannot be reached or the ledger not be read */
export async function checkDrift(
  ctx: EngineContext,
  namespace: string,
  ownerRole: string | null = null,
  { audit: audits = true }: { readonly audit?: boolean } = {},
): Promise<DriftReport> {
  return withDatabase(ctx, async (db) => {
    const logging = await readServerLogging(db, namespace);
    const verification = await verifyOn(db, ctx, namespace, ownerRole);
    const seen = await workloadDrift(db, ctx, namespace);
    const { workload } = seen;
    if (workload !== null) await countLiveOn(db, ownerRole);
    const audit = audits ? await auditDrift(db, ctx, namespace, seen) : null;
    return { verification, logging, workload, audit };
  });
}

/** Writes the heartbeat, and reads the settings that the alarms rest on. */
export const readServerLogging = (db: Database, namespace: string): Promise<readonly string[]> =>
  onCatalogue(db, STATEMENT_TIMEOUT_MS, (asking) => readLogging(asking, namespace));

/** Under whose name the metrics are, whichever of the two functions runs the check. */
export const metricsName = (metricsOf?: string): string =>
  metricsOf ?? process.env.AWS_LAMBDA_FUNCTION_NAME ?? 'local';

/** Metrics and sentences, as lines of the function's own log. */
export function reportDrift(namespace: string, report: DriftReport, metricsOf?: string): void {
  const { verification, logging, workload = null, audit = null } = report;
  process.stdout.write(`${JSON.stringify(driftMetrics(metricsName(metricsOf), report, Date.now()))}\n`);
  log('drift', {
    namespace,
    proved: verification.proved.length,
    pending: verification.pending,
    unproved: verification.unproved,
    findings: verification.findings,
    errors: verification.errors,
    logging,
    ...(workload === null ? {} : { workload }),
    ...(audit === null ? {} : { audit }),
  });
}

/** The same of a fleet's server. */
export function reportFleetDrift(namespace: string, report: FleetDrift, metricsOf?: string): void {
  process.stdout.write(`${JSON.stringify(fleetMetrics(metricsName(metricsOf), report, Date.now()))}\n`);
  log('fleet-drift', { namespace, ...report });
}

/** The heartbeat first: it shows that the log arrives, whatever the rest finds. */
async function readLogging(db: Database, namespace: string): Promise<readonly string[]> {
  const heartbeat = await writeHeartbeat(db, namespace);
  const settings = await attempt('The log settings', async () =>
    logSettingProblems(await readLogSettings(db)),
  );
  return [...heartbeat, ...settings];
}

/** RAISE LOG goes to the server's log alone, and any role may do it. */
async function writeHeartbeat(db: Database, namespace: string): Promise<readonly string[]> {
  return attempt('The heartbeat line', async () => {
    const [here] = await db.query<{ name: string }>('SELECT current_database() AS name');
    const format = quoteLiteral(HEARTBEAT_WORDS(here!.name, namespace).replaceAll('%', '%%'));
    await db.query(`DO LANGUAGE plpgsql ${quoteLiteral(`BEGIN RAISE LOG ${format}; END`)}`);
    return [];
  });
}

/** What the server refuses is a finding; a lost connection is not. */
async function attempt(what: string, work: () => Promise<readonly string[]>): Promise<readonly string[]> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    return [
      `${what} could not be done (SQLSTATE ${error.sqlstate}): ${safeServerMessage(error.sqlstate, error.message, error)}.`,
    ];
  }
}
