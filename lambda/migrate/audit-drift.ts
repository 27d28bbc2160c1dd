/** The audit of the drift check: what is wrong by the catalogue and by the running promise, and what of it nobody was told of. */
import { sortAccepted } from '../audit/accepted';
import { pathOf } from '../audit/names';
import type { NotSeen } from '../audit/not-seen';
import { type AuditDrift, type AuditedFinding, NAMED_FINDINGS, type NewFindings } from '../contract/audit';
import { TrueupError } from '../contract/errors';
import type { WorkloadDrift } from '../contract/workload';
import { CLAIMED } from '../defects/claim';
import type { AuditFinding } from '../defects/findings';
import type { Failed } from '../engine/guard/promise-now';
import { DATABASE_LOCK } from '../engine/locks/runner-lock';
import type { EngineContext } from '../engine/run';
import { withDatabase } from '../engine/time/session';
import { ConnectionLost, type Database, SqlError } from '../postgres/database';
import { PINNED_PATH } from '../postgres/pinned';
import { safeServerMessage } from '../postgres/server-words';
import { verdictOf } from '../workload/verdict';
import { UNDECIDED } from '../workload/words';
import { type Audited, auditOn, type StatementsSeen } from './audit';
import { changesOf, groupsOf, type KnownFinding, keepChanges, readKnown, takeNew } from './known-findings';
import type { WorkloadSeen } from './workload-drift';

/** More are not remembered, and not paged until others are gone. */
const MOST_KEPT = 2_000;
/** Kept for the answer, and less than a catalogue takes. */
const LEAST_MS = 10_000;

/** @throws {ConnectionLost} when the connection is gone; what the server refuses is part of the answer */
export async function auditDrift(
  db: Database,
  ctx: Pick<EngineContext, 'manifest' | 'deadline'>,
  namespace: string,
  seen: WorkloadSeen,
): Promise<AuditDrift> {
  try {
    if (ctx.deadline - Date.now() < LEAST_MS)
      return { ...NOTHING, problem: 'No time was left for the audit.' };
    if (await isDeploying(db))
      return { ...NOTHING, problem: 'A deployment is under way: the next check looks again.' };
    const audited = await auditOn(db, statementsOf(seen));
    if (audited.moved)
      return { ...NOTHING, problem: 'The schema kept changing: the next check looks again.' };
    const { open: all, building } = withoutBuilds(audited.findings, await lockedTables(db));
    const { open, accepted, gone } = sortAccepted(all.filter(isPaged), ctx.manifest.accepted ?? []);
    const unsure = unsureOf(audited, seen, building);
    const unpaged = await remember(db, namespace, open, unsure);
    const notSeen = [...building, ...audited.notSeen];
    return {
      found: open.length,
      unpaged,
      named: open.slice(0, NAMED_FINDINGS).map(withoutFix),
      accepted: accepted.length,
      gone: gone.filter(({ id, object }) => !unsure({ kind: id, object, grade: 'A' })),
      notSeen: notSeen.slice(0, NAMED_FINDINGS),
      unseen: notSeen.length,
      problem: unpaged === null ? NOT_KEPT : null,
    };
  } catch (error) {
    if (error instanceof ConnectionLost) throw error;
    if (error instanceof TrueupError)
      return { ...NOTHING, problem: `${error.info.message}. ${error.info.remedy}` };
    if (!(error instanceof SqlError)) throw error;
    const { sqlstate, message } = error;
    const words = safeServerMessage(sqlstate, message, error);
    return { ...NOTHING, problem: `The audit could not be done (SQLSTATE ${sqlstate}): ${words}.` };
  }
}

/** Nothing is known to be wrong, and nothing to be right. */
const NOTHING: Omit<AuditDrift, 'problem'> = {
  found: 0,
  unpaged: 0,
  named: [],
  accepted: 0,
  gone: [],
  notSeen: [],
  unseen: 0,
};

const REMEDY =
  'It is of an older version, or the role may not write there: the next deployment that runs migrations brings it up to date, ' +
  'and `runId` forces one. `trueup audit --stack` says all of them.';
const NOT_KEPT = `The ledger in schema trueup cannot remember findings, so which of them are new is not known. ${REMEDY}`;

/** What is only a habit is nobody's emergency. */
const isPaged = ({ grade }: AuditFinding): boolean => grade !== 'D';

const withoutFix = ({ fix: _, ...finding }: AuditFinding): AuditedFinding => finding;

/** Between two migrations a schema is not what it is going to be. */
async function isDeploying(db: Database): Promise<boolean> {
  if ((await db.lockHolder(...DATABASE_LOCK)) !== null) return true;
  try {
    // Between two slices nobody holds the lock. A run that died stays `running` until the next one.
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

/** What has become worse since it was promised is paged as a statement (BrokenStatements): here are the others that fail. */
function statementsOf({ workload, failed }: WorkloadSeen): StatementsSeen {
  const planned = (failed ?? []).map(({ text, calls, answer }: Failed) => ({
    text,
    calls,
    target: verdictOf(answer),
    source: null,
  }));
  return { planned, ...decidedOf(workload, failed) };
}

function decidedOf(
  workload: WorkloadDrift | null,
  failed: readonly Failed[] | null,
): Omit<StatementsSeen, 'planned'> {
  const what = 'statements of the application';
  if (workload === null)
    return { statements: 0, decided: 0, notSeen: [{ what, why: 'no workload is promised' }] };
  const { statements, undecided, problem } = workload;
  if (problem !== null || failed === null)
    return {
      statements: 0,
      decided: 0,
      notSeen: [{ what, why: problem ?? 'the functions of schema trueup are of an older version' }],
    };
  const open = Object.entries(undecided);
  return {
    statements,
    decided: statements - open.reduce((sum, [, count]) => sum + count, 0),
    notSeen: open.map(([code, count]) => ({
      what: `${count} of ${statements} statements`,
      why: UNDECIDED[code] ?? code,
    })),
  };
}

const BUILDING = 'whether an INVALID index is being built';

/** A build counts as INVALID until it ends, and holds this lock on its table; VACUUM does too. */
const lockedTables = (db: Database): Promise<readonly { schema: string; name: string }[]> =>
  db.query(
    `SELECT DISTINCT n.nspname::text AS schema, c.relname::text AS name
     FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE l.locktype = 'relation' AND l.granted AND l.mode = 'ShareUpdateExclusiveLock'
       AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    [],
    { search_path: PINNED_PATH, statement_timeout: '10000' },
  );

function withoutBuilds(
  findings: readonly AuditFinding[],
  locked: readonly { schema: string; name: string }[],
): { open: readonly AuditFinding[]; building: readonly NotSeen[] } {
  const invalid = new Set(findings.filter(({ id }) => id === 'invalid-index').map(({ object }) => object));
  const tables = locked.filter((of) => invalid.has(pathOf(of)));
  const hidden = new Set(tables.map(pathOf));
  return {
    open: findings.filter(({ id, object }) => id !== 'invalid-index' || !hidden.has(object)),
    building: tables.map((of) => ({
      what: BUILDING,
      of,
      why: 'another session holds the lock that a build takes on its table',
    })),
  };
}

/** Not asked by chance: the next time they may be. */
const PASSING = ['budget', 'lock', 'slow'];

type Unsure = (each: Pick<KnownFinding, 'kind' | 'object' | 'grade'>) => boolean;

/** That it is not found says nothing where it was not looked at. */
function unsureOf(
  { sequencesNotSeen }: Audited,
  { workload, failed }: WorkloadSeen,
  building: readonly NotSeen[],
): Unsure {
  const statements =
    workload !== null &&
    (workload.problem !== null ||
      failed === null ||
      PASSING.some((why) => (workload.undecided[why] ?? 0) > 0));
  const claimed: ReadonlySet<string> = new Set(CLAIMED);
  const builds = new Set(building.flatMap(({ of }) => (of ? [pathOf(of)] : [])));
  return ({ kind, object, grade }) =>
    (kind === 'invalid-index' && builds.has(object)) ||
    (kind === 'sequence-behind' &&
      sequencesNotSeen.some(({ of }) => of === undefined || object.startsWith(`${pathOf(of)}.`))) ||
    (statements && grade === 'A' && claimed.has(kind));
}

/** For a page. @throws {TrueupError} where nothing is remembered, or the database cannot be reached */
export const newFindings = (ctx: EngineContext, namespace: string): Promise<NewFindings> =>
  withDatabase(ctx, async (db) => {
    const found = await takeNew(db, namespace);
    if (found !== null) return found;
    throw new TrueupError({
      code: 'unsupported',
      message: 'the ledger in schema trueup cannot remember findings, so which of them are new is not known',
      remedy: REMEDY,
    });
  });

/** How many nobody was told of; null where nothing can be remembered. */
async function remember(
  db: Database,
  namespace: string,
  open: readonly AuditFinding[],
  unsure: Unsure,
): Promise<number | null> {
  const known = await readKnown(db, namespace);
  if (known === null) return null;
  const changes = changesOf(known, groupsOf(open).slice(0, MOST_KEPT), unsure);
  return (await keepChanges(db, namespace, changes)) ? changes.unpaged : null;
}
