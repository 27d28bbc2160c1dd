/** Pages the unpaged findings of the drift check's audit, which it first requests from the functions. */
import type { NewFindings } from '../../contract/audit-findings';
import { log } from '../../log';
import { buildPageAlarm, type PageContext } from '../context';
import { buildFindingsDocument, countNew } from '../document/findings-page';
import type { PageOutbound } from '../page-outbound';
import { readPagedKinds } from '../page-records';
import { describeInvocationFailure } from './not-answered';
import { publishOnce } from './unsent-pages';

/** Timeout for a ledger query. It allows for a paused database to resume. */
const FINDINGS_TIMEOUT_MS = 45_000;

export interface FindingsAlarm {
  readonly name: string;
  /** The function name under which the metric is published, or null to query every function. */
  readonly of: string | null;
  /**
   * Whether the alarm was already in ALARM. If so, only new findings are paged, and functions that cannot be queried
   * wait for the next check.
   */
  readonly followUp: boolean;
}

/** Sends and records the page. @param askMs timeout for one function; tests shorten it */
export async function pageFindings(
  { name, of, followUp }: FindingsAlarm,
  context: PageContext,
  askMs = FINDINGS_TIMEOUT_MS,
): Promise<void> {
  const { settings, out } = context;
  const fleet = of === null ? undefined : settings.fleets?.[of];
  const whom =
    fleet === undefined
      ? Object.entries(settings.functions).flatMap(([database, functions]) =>
          functions.map((each) => ({ database, each })),
        )
      : [{ database: fleet, each: of! }];
  const told = fleet === undefined ? new Set() : await readKindsPagedToday(name, context);
  const asked = await Promise.all(
    whom.map(async ({ database, each }) => {
      const { found, problem } = await queryNewFindings(each, of, out, askMs);
      return { database, found: found && excludeKinds(found, told), problem };
    }),
  );
  // Functions whose schema the alarm does not concern return nothing. Findings that cannot be marked as paged are
  // left out of follow-ups, since they would be paged every few minutes.
  const answers = asked.filter(({ found, problem }) =>
    followUp ? found?.marked === true : found !== null || problem !== null,
  );
  if (countNew(answers) === 0 && answers.every(({ problem }) => problem === null)) {
    log('page-skipped', { alarm: name, followUp, findings: 0 });
    return;
  }
  const document = buildFindingsDocument({
    alarm: buildPageAlarm(name, context),
    followUp,
    ofFleet: fleet !== undefined,
    answers,
    runbookUrl: settings.runbookUrl,
    nowMs: Date.now(),
  });
  await publishOnce(document, context);
}

const DAY_MS = 24 * 60 * 60_000;

/**
 * Returns the checks that were paged within the last day. The databases of a fleet are audited at different times of
 * the day, so a problem that all of them have would otherwise be paged every hour. Returns nothing if the log cannot
 * be read: a repeated page is better than none.
 */
async function readKindsPagedToday(
  alarm: string,
  { settings, out }: PageContext,
): Promise<ReadonlySet<string | null>> {
  if (settings.ownLogGroup === undefined) return new Set();
  try {
    return await readPagedKinds(out, settings.ownLogGroup, alarm, Date.now() - DAY_MS, Date.now());
  } catch (error) {
    log('pager-log-unreadable', { reason: (error as Error).name });
    return new Set();
  }
}

/**
 * Removes the findings of the given checks. If findings were cut off, their checks are unknown; they are counted if
 * anything new is left. Pure.
 */
function excludeKinds(found: NewFindings, kinds: ReadonlySet<unknown>): NewFindings {
  const findings = found.findings.filter(({ id }) => !kinds.has(id));
  const cut = found.count - found.findings.length;
  return { ...found, findings, count: findings.length === 0 && kinds.size > 0 ? 0 : findings.length + cut };
}

interface NewFindingsAnswer {
  readonly found: NewFindings | null;
  /** Why the function could not be queried. */
  readonly problem: string | null;
}

async function queryNewFindings(
  functionName: string,
  of: string | null,
  out: PageOutbound,
  askMs: number,
): Promise<NewFindingsAnswer> {
  const invocation = await out.invokeMigrate(functionName, { action: 'new-findings', of }, askMs);
  if (invocation.kind === 'answered' && invocation.response.action === 'new-findings')
    return { found: invocation.response.found, problem: null };
  const problem = describeInvocationFailure(functionName, invocation, askMs);
  log('findings-query-failed', { function: functionName, reason: problem });
  return { found: null, problem };
}
