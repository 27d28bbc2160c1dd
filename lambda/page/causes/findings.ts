/** The drift check's audit found something that nobody was told of: it is asked for, and paged. */
import type { NewFindings } from '../../contract/audit';
import { log } from '../../log';
import { type PageContext, pageAlarm } from '../context';
import { findingsDocument, newIn } from '../document/findings-page';
import type { Outbound } from '../outbound';
import { kindsPaged, logPaged } from '../paged';
import { tell } from '../tell';
import { notAnswered } from './not-answered';

/** A look-up in the ledger; the database may have to wake up. */
export const ASK_MS = 45_000;

export interface FindingsAlarm {
  readonly name: string;
  /** The function under whose name the metric is. Null: whoever is asked. */
  readonly of: string | null;
  /** It was up before: then only what is new since is paged, and what cannot be asked waits for the next look. */
  readonly followUp: boolean;
}

/** @param askMs for one function's answer; shortened in tests */
export async function pageFindings(
  { name, of, followUp }: FindingsAlarm,
  context: PageContext,
  askMs = ASK_MS,
): Promise<void> {
  const { settings, out } = context;
  const fleet = of === null ? undefined : settings.fleets?.[of];
  const whom =
    fleet === undefined
      ? Object.entries(settings.functions).flatMap(([database, functions]) =>
          functions.map((each) => ({ database, each })),
        )
      : [{ database: fleet, each: of! }];
  const told = fleet === undefined ? new Set() : await toldToday(name, context);
  const asked = await Promise.all(
    whom.map(async ({ database, each }) => {
      const { found, problem } = await ask(each, of, out, askMs);
      return { database, found: found && withoutKinds(found, told), problem };
    }),
  );
  // Those that are not meant by the alarm answer nothing. What could not be marked as told would be told every few minutes.
  const answers = asked.filter(({ found, problem }) =>
    followUp ? found?.marked === true : found !== null || problem !== null,
  );
  if (newIn(answers) === 0 && answers.every(({ problem }) => problem === null)) {
    log('not-paged', { alarm: name, followUp, findings: 0 });
    return;
  }
  const document = findingsDocument({
    alarm: pageAlarm(name, context),
    followUp,
    ofFleet: fleet !== undefined,
    answers,
    runbookUrl: settings.runbookUrl,
    nowMs: Date.now(),
  });
  await tell(document, context);
  logPaged(document, null);
}

const DAY_MS = 24 * 60 * 60_000;

/**
 * Within a day each database of a fleet is audited, at a time of its own: what is wrong with all of them would be a page every
 * hour. Nothing where the log cannot be read: rather twice than never.
 */
async function toldToday(alarm: string, { settings, out }: PageContext): Promise<ReadonlySet<string | null>> {
  if (settings.ownLogGroup === undefined) return new Set();
  try {
    return await kindsPaged(out, settings.ownLogGroup, alarm, Date.now() - DAY_MS, Date.now());
  } catch (error) {
    log('own-log-not-read', { reason: (error as Error).name });
    return new Set();
  }
}

/** Pure. What was cut off is of some kind; it is told with those that are new. */
function withoutKinds(found: NewFindings, kinds: ReadonlySet<unknown>): NewFindings {
  const findings = found.findings.filter(({ id }) => !kinds.has(id));
  const cut = found.count - found.findings.length;
  return { ...found, findings, count: findings.length === 0 && kinds.size > 0 ? 0 : findings.length + cut };
}

interface Asked {
  readonly found: NewFindings | null;
  /** Why it could not be asked. */
  readonly problem: string | null;
}

async function ask(functionName: string, of: string | null, out: Outbound, askMs: number): Promise<Asked> {
  const invocation = await out.invokeMigrate(functionName, { action: 'new-findings', of }, askMs);
  if (invocation.kind === 'answered' && invocation.response.action === 'new-findings')
    return { found: invocation.response.found, problem: null };
  const problem = notAnswered(functionName, invocation, askMs);
  log('findings-not-asked', { function: functionName, reason: problem });
  return { found: null, problem };
}
