/**
 * Pages statements of the running application that no longer plan. The drift check found them; they are planned again
 * for the page.
 */
import type { WorkloadDrift } from '../../contract/workload';
import { log } from '../../log';
import { type AlarmEvent, findFunctionName } from '../alarm';
import { buildPageAlarm, type PageContext } from '../context';
import { buildWorkloadDocument, type WorkloadAnswer } from '../document/workload-page';
import type { PageOutbound } from '../page-outbound';
import { describeInvocationFailure } from './not-answered';
import { publishOnce } from './unsent-pages';

/** Timeout for planning the workload, which takes longer than a diagnosis. */
const WORKLOAD_TIMEOUT_MS = 60_000;

/** Sends and records the page. @param askMs timeout for one function; tests shorten it */
export async function pageWorkload(
  event: AlarmEvent,
  context: PageContext,
  askMs = WORKLOAD_TIMEOUT_MS,
): Promise<void> {
  const { alarmName: name } = event.alarmData;
  const document = buildWorkloadDocument({
    alarm: buildPageAlarm(name, context),
    answers: await queryWorkloadDrift(findFunctionName(event), context, askMs),
    runbookUrl: context.settings.runbookUrl,
    nowMs: Date.now(),
    changedAt: event.alarmData.state.timestamp,
  });
  await publishOnce(document, context);
}

/**
 * Plans the workload again. @param of the function name under which a schema's metrics are published, or null for every
 * schema
 */
export async function queryWorkloadDrift(
  of: string | null,
  { settings, out }: PageContext,
  askMs = WORKLOAD_TIMEOUT_MS,
): Promise<readonly WorkloadAnswer[]> {
  const asked = await Promise.all(
    Object.entries(settings.functions).flatMap(([database, functions]) =>
      functions.map(async (each) => ({ database, ...(await queryWorkload(each, of, out, askMs)) })),
    ),
  );
  // Functions whose schema the alarm does not concern return nothing.
  return asked.filter(({ workload, problem }) => workload !== null || problem !== null);
}

interface WorkloadQueryAnswer {
  readonly workload: WorkloadDrift | null;
  /** Why the function could not be queried. */
  readonly problem: string | null;
}

async function queryWorkload(
  functionName: string,
  of: string | null,
  out: PageOutbound,
  askMs: number,
): Promise<WorkloadQueryAnswer> {
  const invocation = await out.invokeMigrate(functionName, { action: 'workload', of }, askMs);
  if (invocation.kind === 'answered' && invocation.response.action === 'workload') {
    const { workload } = invocation.response;
    return { workload, problem: workload?.problem ?? null };
  }
  const problem = describeInvocationFailure(functionName, invocation, askMs);
  log('workload-query-failed', { function: functionName, reason: problem });
  return { workload: null, problem };
}
