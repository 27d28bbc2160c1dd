/**
 * The audit that the drift check runs: problems in the catalog and in the guaranteed workload, and which of them have
 * not been paged yet.
 */

import { formatReference } from '../audit/names';
import type { NotCheckedItem } from '../audit/not-checked';
import { separateSuppressed } from '../audit/suppressions';
import {
  type AuditDrift,
  type AuditedFinding,
  MAX_NAMED_FINDINGS,
  type NewFindings,
} from '../contract/audit-findings';
import { TrueupError } from '../contract/errors';
import type { WorkloadDrift } from '../contract/workload';
import { ATTRIBUTABLE_IDS } from '../defects/attribution';
import type { AuditFinding } from '../defects/findings';
import { countLiveStatements } from '../engine/guard/count-live';
import type { AlreadyFailingStatement } from '../engine/guard/running-workload';
import { DATABASE_LOCK } from '../engine/locks/runner-lock';
import { withOwnerRole } from '../engine/on-database';
import type { EngineContext } from '../engine/run';
import { type SessionContext, withDatabase } from '../engine/time/session';
import { ConnectionLostError, type Database, SqlError } from '../postgres/database';
import { PINNED_SEARCH_PATH } from '../postgres/pinned-search-path';
import { safeServerMessage } from '../postgres/server-words';
import { toStatementVerdict } from '../workload/verdict';
import { UNDECIDED_REASONS } from '../workload/words';
import {
  computeChanges,
  type FindingChanges,
  groupFindings,
  isUnchanged,
  type KnownFinding,
  markNewFindings,
  readKnownFindings,
  storeChanges,
} from './known-findings';
import { type AuditRun, type PlannedWorkload, runAudit } from './run-audit';
import type { WorkloadDriftResult } from './workload-drift';

/**
 * Maximum number of finding groups kept in the ledger. Any further group is neither stored nor paged until others are
 * resolved.
 */
const MAX_KEPT_FINDINGS = 2_000;
/**
 * Minimum time left for starting an audit. It is reserved for the response, and reading a catalog takes longer anyway.
 */
const MIN_AUDIT_MS = 10_000;

export interface AuditDriftResult {
  readonly audit: AuditDrift;
  /** Updates for the findings in the ledger. @default - none */
  readonly changes?: FindingChanges;
}

/** @throws {ConnectionLostError} if the connection is lost; errors of the server become part of the result */
export async function checkAuditDrift(
  db: Database,
  ctx: Pick<EngineContext, 'manifest' | 'deadline'>,
  namespace: string,
  seen: WorkloadDriftResult,
): Promise<AuditDriftResult> {
  const failed = (problem: string): AuditDriftResult => ({ audit: { ...EMPTY_AUDIT_DRIFT, problem } });
  try {
    if (ctx.deadline - Date.now() < MIN_AUDIT_MS) return failed('There was no time left for the audit.');
    if (await isDeploying(db)) return failed('A deployment is running; the next check audits again.');
    const audited = await runAudit(db, toPlannedStatements(seen));
    if (audited.moved) return failed('The schema kept changing; the next check audits again.');
    const { open: all, building } = excludeRunningBuilds(audited.findings, await listLockedTables(db));
    const { open, suppressed, obsolete } = separateSuppressed(
      all.filter(isPaged),
      ctx.manifest.suppressions ?? [],
    );
    const unsure = makeUncertaintyTest(audited, seen, building);
    const known = await readKnownFindings(db, namespace);
    const changes = known && computeChanges(known, groupFindings(open).slice(0, MAX_KEPT_FINDINGS), unsure);
    const notChecked = [...building, ...audited.notChecked];
    const audit: AuditDrift = {
      found: open.length,
      unpaged: changes?.unpaged ?? null,
      named: open.slice(0, MAX_NAMED_FINDINGS).map(removeFix),
      suppressed: suppressed.length,
      obsolete: obsolete.filter(({ id, object }) => !unsure({ kind: id, object, confidence: 'A' })),
      notChecked: notChecked.slice(0, MAX_NAMED_FINDINGS),
      notCheckedCount: notChecked.length,
      problem: null,
    };
    return changes === null ? { audit: withoutRecords(audit) } : { audit, changes };
  } catch (error) {
    if (error instanceof ConnectionLostError) throw error;
    if (error instanceof TrueupError) return failed(`${error.info.message}. ${error.info.remedy}`);
    if (!(error instanceof SqlError)) throw error;
    const { sqlstate, message } = error;
    const words = safeServerMessage(sqlstate, message, error);
    return failed(`The audit failed (SQLSTATE ${sqlstate}): ${words}.`);
  }
}

const withoutRecords = (audit: AuditDrift): AuditDrift => ({
  ...audit,
  unpaged: null,
  problem: NOT_KEPT_PROBLEM,
});

/**
 * Stores a check's records in schema trueup over a separate connection. The application's code may have run on the connection
 * that inspected the database and left session state behind.
 */
export async function storeRecords(
  ctx: Pick<EngineContext, 'connectForRecords' | 'deadline' | 'connectPatienceMs'>,
  namespace: string,
  {
    countsLive,
    ownerRole,
    result,
  }: {
    /** Whether the statements running in the database are counted. */
    readonly countsLive: boolean;
    readonly ownerRole: string | null;
    readonly result: AuditDriftResult | null;
  },
): Promise<AuditDrift | null> {
  const { audit = null, changes } = result ?? {};
  const kept = changes === undefined || isUnchanged(changes);
  if (kept && !countsLive) return audit;
  const { connectForRecords: connect } = ctx;
  if (connect === undefined) return kept ? audit : withoutRecords(audit!);
  try {
    return await withDatabase({ ...ctx, connect }, async (db) => {
      if (countsLive) await countLiveStatements(db, withOwnerRole(db, { ownerRole }).ownerRole);
      return kept || (await storeChanges(db, namespace, changes)) ? audit : withoutRecords(audit!);
    });
  } catch (error) {
    if (!(error instanceof TrueupError)) throw error;
    return kept ? audit : withoutRecords(audit!);
  }
}

/** The result of an audit that could not run: it reports neither problems nor their absence. */
const EMPTY_AUDIT_DRIFT: Omit<AuditDrift, 'problem'> = {
  found: 0,
  unpaged: 0,
  named: [],
  suppressed: 0,
  obsolete: [],
  notChecked: [],
  notCheckedCount: 0,
};

const RECORDS_REMEDY =
  'An older version installed it, or the role may not write there. The next deployment that runs migrations upgrades it; ' +
  '`forceRunToken` forces one. `trueup audit --stack` lists all findings.';
const NOT_KEPT_PROBLEM = `The ledger in schema trueup cannot store findings, so it is not known which of them are new. ${RECORDS_REMEDY}`;

/** Confidence D findings are conventions, which do not justify a page. */
const isPaged = ({ confidence }: AuditFinding): boolean => confidence !== 'D';

const removeFix = ({ fix: _, ...finding }: AuditFinding): AuditedFinding => finding;

/** Whether a deployment is running. Between two of its migrations the schema is in an intermediate state. */
async function isDeploying(db: Database): Promise<boolean> {
  if ((await db.lockHolder(...DATABASE_LOCK)) !== null) return true;
  try {
    // Between two slices no session holds the lock. A run that died stays `running` until the next one.
    const [row] = await db.query<{ running: boolean }>(
      `SELECT EXISTS (SELECT FROM trueup.deployments d WHERE d.outcome OPERATOR(pg_catalog.=) 'running'::pg_catalog.text
  AND d.started_at OPERATOR(pg_catalog.>) (pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) '1 hour'::pg_catalog.interval)) AS running`,
    );
    return row!.running;
  } catch (error) {
    if (error instanceof SqlError) return false;
    throw error;
  }
}

/**
 * Returns the failing statements for the audit. Statements that became worse since their deployment are paged
 * separately (BrokenStatements); these are the other failures.
 */
function toPlannedStatements({ workload, failed }: WorkloadDriftResult): PlannedWorkload {
  const planned = (failed ?? []).map(({ text, calls, answer }: AlreadyFailingStatement) => ({
    text,
    calls,
    target: toStatementVerdict(answer),
    source: null,
  }));
  return { planned, ...summarizeDecided(workload, failed) };
}

function summarizeDecided(
  workload: WorkloadDrift | null,
  failed: readonly AlreadyFailingStatement[] | null,
): Omit<PlannedWorkload, 'planned'> {
  const what = 'statements of the application';
  if (workload === null)
    return { statements: 0, decided: 0, notChecked: [{ what, why: 'no workload is guaranteed' }] };
  const { statements, undecided, problem } = workload;
  if (problem !== null || failed === null)
    return {
      statements: 0,
      decided: 0,
      notChecked: [{ what, why: problem ?? 'an older version installed the functions of schema trueup' }],
    };
  const open = Object.entries(undecided);
  return {
    statements,
    decided: statements - open.reduce((sum, [, count]) => sum + count, 0),
    notChecked: open.map(([code, count]) => ({
      what: `${count} of ${statements} statements`,
      why: UNDECIDED_REASONS[code] ?? code,
    })),
  };
}

const NOT_CHECKED_INDEX_BUILD = 'whether an INVALID index is being built';

/**
 * Lists tables with a granted ShareUpdateExclusiveLock. CREATE INDEX CONCURRENTLY holds it during the build, when the
 * index is INVALID; VACUUM takes it too.
 */
const listLockedTables = (db: Database): Promise<readonly { schema: string; name: string }[]> =>
  db.query(
    `SELECT DISTINCT n.nspname::text AS schema, c.relname::text AS name
     FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE l.locktype = 'relation' AND l.granted AND l.mode = 'ShareUpdateExclusiveLock'
       AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    [],
    { search_path: PINNED_SEARCH_PATH, statement_timeout: '10000' },
  );

function excludeRunningBuilds(
  findings: readonly AuditFinding[],
  locked: readonly { schema: string; name: string }[],
): { open: readonly AuditFinding[]; building: readonly NotCheckedItem[] } {
  const invalid = new Set(findings.filter(({ id }) => id === 'invalid-index').map(({ object }) => object));
  const tables = locked.filter((of) => invalid.has(formatReference(of)));
  const hidden = new Set(tables.map(formatReference));
  return {
    open: findings.filter(({ id, object }) => id !== 'invalid-index' || !hidden.has(object)),
    building: tables.map((of) => ({
      what: NOT_CHECKED_INDEX_BUILD,
      of,
      why: 'another session holds the lock that a build takes on its table',
    })),
  };
}

/** Temporary reasons why a statement was not checked. The next check may be able to plan it. */
const TRANSIENT_REASONS = ['budget', 'lock', 'slow'];

type IsUncertain = (each: Pick<KnownFinding, 'kind' | 'object' | 'confidence'>) => boolean;

/**
 * Returns a predicate for known findings that this audit could not check, so that their absence does not mean they are
 * resolved.
 */
function makeUncertaintyTest(
  { sequencesNotSeen }: AuditRun,
  { workload, failed }: WorkloadDriftResult,
  building: readonly NotCheckedItem[],
): IsUncertain {
  const statements =
    workload !== null &&
    (workload.problem !== null ||
      failed === null ||
      TRANSIENT_REASONS.some((why) => (workload.undecided[why] ?? 0) > 0));
  const claimed: ReadonlySet<string> = new Set(ATTRIBUTABLE_IDS);
  const builds = new Set(building.flatMap(({ of }) => (of ? [formatReference(of)] : [])));
  return ({ kind, object, confidence }) =>
    (kind === 'invalid-index' && builds.has(object)) ||
    (kind === 'sequence-behind' &&
      sequencesNotSeen.some(({ of }) => of === undefined || object.startsWith(`${formatReference(of)}.`))) ||
    (statements && confidence === 'A' && claimed.has(kind));
}

/**
 * Returns the findings that a page has to report, and marks them as paged.
 * @param ctx opens connections for records
 * @throws {TrueupError} if the ledger cannot store findings or the database cannot be reached
 */
export const takeNewFindings = (ctx: SessionContext, namespace: string): Promise<NewFindings> =>
  withDatabase(ctx, async (db) => {
    const found = await markNewFindings(db, namespace);
    if (found !== null) return found;
    throw new TrueupError({
      code: 'unsupported',
      message: 'the ledger in schema trueup cannot store findings, so it is not known which of them are new',
      remedy: RECORDS_REMEDY,
    });
  });
