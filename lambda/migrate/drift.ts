/** The scheduled check: is what was applied still there, and would the alarms see an error? Changes nothing, and with a workload counts what runs. */
import type { DriftReport } from '../contract/migrate';
import { KINDS } from '../defects';
import { countLiveOn } from '../engine/guard/count-live';
import type { EngineContext } from '../engine/run';
import { withDatabase } from '../engine/time/session';
import { verifyOn } from '../engine/verify';
import { log } from '../log';
import { type Database, SqlError } from '../postgres/database';
import { safeServerMessage } from '../postgres/server-words';
import { quoteLiteral } from '../sql/quote';
import { onCatalogue } from './diagnosis';
import { HEARTBEAT_WORDS } from './heartbeat';
import { logSettingProblems, readLogSettings } from './log-settings';
import { driftMetrics } from './metrics';
import { workloadDrift } from './workload-drift';

const STATEMENT_TIMEOUT_MS = 30_000;
/** More of one kind are counted, not listed. */
const MOST = 50;

/** @throws {TrueupError} when the database cannot be reached or the ledger not be read */
export async function checkDrift(
  ctx: EngineContext,
  namespace: string,
  ownerRole: string | null = null,
): Promise<DriftReport> {
  return withDatabase(ctx, async (db) => {
    const { catalogue, logging } = await onCatalogue(db, STATEMENT_TIMEOUT_MS, (catalogueDb) =>
      readCatalogue(catalogueDb, namespace),
    );
    const verification = await verifyOn(db, ctx, namespace, ownerRole);
    const workload = await workloadDrift(db, ctx, namespace);
    if (workload !== null) await countLiveOn(db, ownerRole);
    return { verification, catalogue, logging, workload };
  });
}

/** Under whose name the metrics are, whichever of the two functions runs the check. */
export const metricsName = (metricsOf?: string): string =>
  metricsOf ?? process.env.AWS_LAMBDA_FUNCTION_NAME ?? 'local';

/** Metrics and sentences, as lines of the function's own log. */
export function reportDrift(namespace: string, report: DriftReport, metricsOf?: string): void {
  const { verification, catalogue, logging, workload = null } = report;
  process.stdout.write(`${JSON.stringify(driftMetrics(metricsName(metricsOf), report, Date.now()))}\n`);
  log('drift', {
    namespace,
    proved: verification.proved.length,
    pending: verification.pending,
    unproved: verification.unproved,
    findings: verification.findings,
    errors: verification.errors,
    catalogue,
    logging,
    ...(workload === null ? {} : { workload }),
  });
}

/** The heartbeat first: it shows that the log arrives, whatever the rest finds. */
async function readCatalogue(
  db: Database,
  namespace: string,
): Promise<Pick<DriftReport, 'catalogue' | 'logging'>> {
  const heartbeat = await writeHeartbeat(db, namespace);
  return {
    catalogue: await catalogueFindings(db),
    logging: [
      ...heartbeat,
      ...(await attempt('The log settings', async () => logSettingProblems(await readLogSettings(db)))),
    ],
  };
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

async function catalogueFindings(db: Database): Promise<readonly string[]> {
  const found: string[] = [];
  for (const kind of KINDS) {
    const { drift } = kind;
    if (drift === null) continue;
    const sentences = await attempt(`The check for "${kind.title}"`, () => drift(db));
    found.push(...sentences.slice(0, MOST));
    if (sentences.length > MOST) found.push(`And ${sentences.length - MOST} more: ${kind.title}.`);
  }
  return found;
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
