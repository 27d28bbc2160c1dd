/**
 * Turns alarms into pages. Problems on the way are described in the page; an error is thrown only if no page can be
 * sent.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { log } from '../log';
import {
  type AlarmEvent,
  type AlarmState,
  buildFindingsAlarmName,
  computeAlarmWindow,
  findFunctionName,
  isFindingsAlarm,
  isWorkloadAlarm,
  listAlarmNames,
  type PageEvent,
  parseAlarmSignature,
  type RescanEvent,
} from './alarm';
import { rescanAlarms } from './causes/look-again';
import { pageErrors } from './causes/page-errors';
import { pageFindings } from './causes/page-findings';
import { pageWorkload } from './causes/page-workload';
import { resolvePages } from './causes/resolve';
import { resendPages } from './causes/unsent-pages';
import { DEFAULT_TIMING, type PageContext } from './context';
import { type ReadResult, readErrors } from './logs/read-errors';
import type { AlarmSelection } from './page-outbound';
import { type OpenPage, type PageHistory, readHistories, readOpenPages } from './page-records';

export async function handlePage(event: PageEvent, context: PageContext): Promise<void> {
  if ('action' in event) return handleSchedule(event, context);
  return handleAlarm(event, context);
}

async function handleAlarm(event: AlarmEvent, context: PageContext): Promise<void> {
  const { alarmName: name, state } = event.alarmData;
  const { prefix } = context.settings;
  const signature = parseAlarmSignature(prefix, name);
  log('alarm-received', { alarm: name, state: state.value, signature });
  if (state.value !== 'ALARM') return;
  if (isWorkloadAlarm(prefix, name)) return pageWorkload(event, context);
  if (isFindingsAlarm(prefix, name))
    return pageFindings({ name, of: findFunctionName(event), followUp: false }, context);
  if (signature === null) throw new Error(`${name} is not an alarm of this pager.`);
  const window = computeAlarmWindow(event);
  await waitUntil(window.untilIngestedMs);
  const read = await readErrorsWhenIndexed({ signature, ...window }, context);
  await pageErrors(
    { alarm: { name, sinceMs: window.fromMs }, signature, followUp: false, lines: window },
    read,
    context,
  );
}

/**
 * Runs the scheduled follow-up checks. @throws {Error} at the end, with everything that failed; Lambda then sends it in
 * the raw message
 */
async function handleSchedule(event: RescanEvent, context: PageContext): Promise<void> {
  const failed: string[] = [];
  const attempt = (what: string, work: () => Promise<void>): Promise<void> =>
    work().catch(({ name, message }: Error) => {
      log('rescan-failed', { alarm: what, reason: name });
      failed.push(`${what} (${name}: ${message})`);
    });
  const open = await readOpenPagesNow(context);
  const { prefix } = context.settings;
  await attempt('pages that a topic refused', () => resendPages(context));
  await attempt('the alarms on errors', async () => {
    const names = [...new Set([...listAlarmNames(prefix), ...open.map(({ alarm }) => alarm)])];
    const alarms = await readAlarmStates(names, context);
    const up = alarms.filter(({ state }) => state === 'ALARM');
    const findHistory = await readCurrentHistories(up, context);
    for (const alarm of up)
      await attempt(alarm.name, () => rescanAlarms(event, alarm, findHistory(alarm.name), context));
    if (open.length > 0) await resolvePages(event, open, alarms, context);
  });
  const beginningWith = buildFindingsAlarmName(prefix, '');
  await attempt('the alarms on findings', async () => {
    for (const { name, of, state } of await readAlarmStates({ beginningWith }, context))
      if (state === 'ALARM') await attempt(name, () => pageFindings({ name, of, followUp: true }, context));
  });
  if (failed.length > 0)
    throw new Error(
      `Not checked: ${failed.join('; ')}. The next follow-up check also covers what this one missed.`,
    );
}

/** Reads the history of each alarm. Returns null for an alarm if the log cannot be read. */
async function readCurrentHistories(
  up: readonly AlarmState[],
  { settings, out }: PageContext,
): Promise<(alarm: string) => PageHistory | null> {
  if (settings.ownLogGroup === undefined) return () => null;
  try {
    return await readHistories(out, settings.ownLogGroup, up, Date.now());
  } catch (error) {
    log('pager-log-unreadable', { reason: (error as Error).name });
    return () => null;
  }
}

/** Reads the open pages. Returns none if the log cannot be read, since new errors must be paged regardless. */
async function readOpenPagesNow({ settings, out }: PageContext): Promise<readonly OpenPage[]> {
  if (settings.ownLogGroup === undefined) return [];
  try {
    return await readOpenPages(out, settings.ownLogGroup, Date.now());
  } catch (error) {
    log('pager-log-unreadable', { reason: (error as Error).name });
    return [];
  }
}

/**
 * Reads the alarms. Returns none if access is denied: the alarms themselves still page, and a failure of the schedule
 * every few minutes would hide any other failure.
 */
async function readAlarmStates(which: AlarmSelection, { out }: PageContext): Promise<readonly AlarmState[]> {
  try {
    return await out.alarms(which);
  } catch (error) {
    if (!/^AccessDenied/.test((error as Error).name)) throw error;
    log('rescan-refused', {
      reason: (error as Error).name,
      remedy: "Allow the pager's role cloudwatch:DescribeAlarms on alarm:* of this account and region.",
    });
    return [];
  }
}

/**
 * Reads the errors, and retries while there are none: the metric has counted the lines, but a search may find them
 * later.
 */
async function readErrorsWhenIndexed(
  request: Parameters<typeof readErrors>[2],
  { settings, out, timing = DEFAULT_TIMING }: PageContext,
): Promise<ReadResult> {
  const giveUp = Date.now() + timing.linesWaitMs;
  for (;;) {
    const limits = { events: timing.readEvents, deadline: Date.now() + timing.readMs };
    const read = await readErrors(out, settings, request, limits);
    log('log-read', { groups: read.groups.length, overflow: read.overflow, complete: read.complete });
    if (read.groups.length > 0 || Date.now() + timing.linesRetryMs > giveUp) return read;
    await sleep(timing.linesRetryMs);
  }
}

const waitUntil = async (timeMs: number): Promise<void> => {
  const waitMs = timeMs - Date.now();
  if (waitMs > 0) await sleep(Math.min(waitMs, 60_000));
};
