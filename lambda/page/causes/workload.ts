/** The drift check found statements of the running application that no longer plan: asked again, and paged. */
import type { WorkloadDrift } from '../../contract/workload';
import { log } from '../../log';
import { type AlarmEvent, functionOf } from '../alarm';
import { type PageContext, pageAlarm } from '../context';
import { type WorkloadAnswer, workloadDocument } from '../document/workload-page';
import type { Outbound } from '../outbound';
import { logPaged } from '../paged';
import { tell } from '../tell';
import { notAnswered } from './not-answered';

/** Planning everything takes longer than looking an error up. */
export const ASK_MS = 60_000;

/** @param askMs for one function's answer; shortened in tests */
export async function pageWorkload(event: AlarmEvent, context: PageContext, askMs = ASK_MS): Promise<void> {
  const { alarmName: name } = event.alarmData;
  const document = workloadDocument({
    alarm: pageAlarm(name, context),
    answers: await askWorkload(functionOf(event), context, askMs),
    runbookUrl: context.settings.runbookUrl,
    nowMs: Date.now(),
  });
  await tell(document, context);
  logPaged(document, null);
}

/** @param of the name under which a schema's metrics are; null: every schema is asked */
export async function askWorkload(
  of: string | null,
  { settings, out }: PageContext,
  askMs = ASK_MS,
): Promise<readonly WorkloadAnswer[]> {
  const asked = await Promise.all(
    Object.entries(settings.functions).flatMap(([database, functions]) =>
      functions.map(async (each) => ({ database, ...(await ask(each, of, out, askMs)) })),
    ),
  );
  // Those that are not meant by the alarm answer nothing.
  return asked.filter(({ workload, problem }) => workload !== null || problem !== null);
}

interface Asked {
  readonly workload: WorkloadDrift | null;
  /** Why it could not be asked. */
  readonly problem: string | null;
}

async function ask(functionName: string, of: string | null, out: Outbound, askMs: number): Promise<Asked> {
  const invocation = await out.invokeMigrate(functionName, { action: 'workload', of }, askMs);
  if (invocation.kind === 'answered' && invocation.response.action === 'workload') {
    const { workload } = invocation.response;
    return { workload, problem: workload?.problem ?? null };
  }
  const problem = notAnswered(functionName, invocation, askMs);
  log('workload-not-asked', { function: functionName, reason: problem });
  return { workload: null, problem };
}
