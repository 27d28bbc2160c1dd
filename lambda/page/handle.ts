/** Alarm in, page out. What goes wrong on the way is in the page; only if no page can be sent at all does it throw. */
import { setTimeout as sleep } from 'node:timers/promises';
import { log } from '../log';
import {
  type AlarmEvent,
  type AlarmState,
  alarmNames,
  alarmWindow,
  findingsAlarmName,
  functionOf,
  isFindingsAlarm,
  isWorkloadAlarm,
  type LookAgainEvent,
  type PageEvent,
  signatureOfAlarm,
} from './alarm';
import { pageFindings } from './causes/findings';
import { lookAgain } from './causes/look-again';
import { pageErrors } from './causes/page-errors';
import { resolvePages } from './causes/resolve';
import { pageWorkload } from './causes/workload';
import { type PageContext, TIMING } from './context';
import { type Read, readErrors } from './logs/read';
import type { WhichAlarms } from './outbound';
import { type OpenPage, openPages } from './paged';

export async function handlePage(event: PageEvent, context: PageContext): Promise<void> {
  if ('action' in event) return onSchedule(event, context);
  return pageAlarm(event, context);
}

async function pageAlarm(event: AlarmEvent, context: PageContext): Promise<void> {
  const { alarmName: name, state } = event.alarmData;
  const { prefix } = context.settings;
  const signature = signatureOfAlarm(prefix, name);
  log('alarm', { alarm: name, state: state.value, signature });
  if (state.value !== 'ALARM') return;
  if (isWorkloadAlarm(prefix, name)) return pageWorkload(event, context);
  if (isFindingsAlarm(prefix, name))
    return pageFindings({ name, of: functionOf(event), followUp: false }, context);
  if (signature === null) throw new Error(`${name} is not an alarm of this pager.`);
  const window = alarmWindow(event);
  await until(window.untilIngestedMs);
  const read = await readWhenThere({ signature, ...window }, context);
  await pageErrors(
    { alarm: { name, sinceMs: window.fromMs }, signature, followUp: false, lines: window },
    read,
    context,
  );
}

async function onSchedule(event: LookAgainEvent, context: PageContext): Promise<void> {
  const open = await openNow(context);
  const errors = alarmNames(context.settings.prefix);
  const alarms = await alarmsNow([...new Set([...errors, ...open.map(({ alarm }) => alarm)])], context);
  await lookAgain(
    event,
    alarms.filter(({ state }) => state === 'ALARM'),
    context,
  );
  if (open.length > 0) await resolvePages(event, open, alarms, context);
  const beginningWith = findingsAlarmName(context.settings.prefix, '');
  for (const { name, of, state } of await alarmsNow({ beginningWith }, context))
    if (state === 'ALARM') await pageFindings({ name, of, followUp: true }, context);
}

/** None where the log cannot be read: what is new has to be paged all the same. */
async function openNow({ settings, out }: PageContext): Promise<readonly OpenPage[]> {
  if (settings.ownLogGroup === undefined) return [];
  try {
    return await openPages(out, settings.ownLogGroup, Date.now());
  } catch (error) {
    log('own-log-not-read', { reason: (error as Error).name });
    return [];
  }
}

/**
 * None where the look is refused: the alarms themselves still page, and a failure of the schedule every few minutes would
 * hide any other.
 */
async function alarmsNow(which: WhichAlarms, { out }: PageContext): Promise<readonly AlarmState[]> {
  try {
    return await out.alarms(which);
  } catch (error) {
    if (!/^AccessDenied/.test((error as Error).name)) throw error;
    log('look-again-refused', {
      reason: (error as Error).name,
      remedy: "Allow the pager's role cloudwatch:DescribeAlarms on alarm:* of this account and region.",
    });
    return [];
  }
}

/** The metric has seen the lines; a search may see them later. */
async function readWhenThere(
  request: Parameters<typeof readErrors>[2],
  { settings, out, timing = TIMING }: PageContext,
): Promise<Read> {
  const giveUp = Date.now() + timing.linesWaitMs;
  for (;;) {
    const limits = { events: timing.readEvents, deadline: Date.now() + timing.readMs };
    const read = await readErrors(out, settings, request, limits);
    log('read', { groups: read.groups.length, overflow: read.overflow, complete: read.complete });
    if (read.groups.length > 0 || Date.now() + timing.linesRetryMs > giveUp) return read;
    await sleep(timing.linesRetryMs);
  }
}

const until = async (timeMs: number): Promise<void> => {
  const waitMs = timeMs - Date.now();
  if (waitMs > 0) await sleep(Math.min(waitMs, 60_000));
};
