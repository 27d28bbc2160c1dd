/** The drift check's audit found something that nobody was told of: it is asked for, and paged. */
import type { NewFindings } from '../../contract/audit';
import { log } from '../../log';
import { type PageContext, pageAlarm } from '../context';
import { findingsDocument, newIn } from '../document/findings-page';
import type { Outbound } from '../outbound';
import { logPaged } from '../paged';
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
  const asked = await Promise.all(
    Object.entries(settings.functions).flatMap(([database, functions]) =>
      functions.map(async (each) => ({ database, ...(await ask(each, of, out, askMs)) })),
    ),
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
    answers,
    runbookUrl: settings.runbookUrl,
    nowMs: Date.now(),
  });
  await tell(document, context);
  logPaged(document, null);
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
