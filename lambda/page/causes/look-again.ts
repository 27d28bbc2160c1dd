/**
 * The follow-up check. An alarm that stays in ALARM does not invoke the pager again, so the schedule checks for new
 * errors.
 */
import { log } from '../../log';
import {
  computeRescanWindow,
  parseAlarmSignature,
  type RaisedAlarm,
  type RescanEvent,
  type RescanWindow,
  readDueTime,
} from '../alarm';
import { buildPageAlarm, DEFAULT_TIMING, type PageContext } from '../context';
import { buildDedupKey } from '../document/document';
import type { ErrorGroup } from '../logs/collect';
import { readErrors } from '../logs/read-errors';
import { type PageHistory, shortenKey } from '../page-records';
import { pageErrors } from './page-errors';

/**
 * Pages the errors that are new since the last page or check of an alarm.
 * @param history what was paged for this alarm, or null if the pager's log could not be read; errors in earlier lines
 * of the server are then considered known
 * @throws {Error} if the check failed; the next check treats everything it did not page as new
 */
export async function rescanAlarms(
  event: RescanEvent,
  alarm: RaisedAlarm,
  history: PageHistory | null,
  context: PageContext,
): Promise<void> {
  const { settings, out, timing = DEFAULT_TIMING } = context;
  const dueMs = readDueTime(event);
  const signature = parseAlarmSignature(settings.prefix, alarm.name);
  const window = computeRescanWindow(alarm, dueMs, settings.rescanIntervalMs, history);
  if (signature === null || window === null) return;
  const limits = () => ({ events: timing.readEvents, deadline: Date.now() + timing.readMs });
  const { newFromMs, newAfterMs, untilIngestedMs, isSettled } = window;
  const lines = { fromMs: newFromMs, untilIngestedMs };
  const recent = await readErrors(
    out,
    settings,
    { signature, ...lines, afterIngestedMs: newAfterMs },
    limits(),
  );
  const getKey = ({ key }: ErrorGroup): string =>
    shortenKey(buildDedupKey(buildPageAlarm(alarm.name, context), key));
  const getRecord = (group: ErrorGroup) => history?.known.get(getKey(group));
  // An error that reappears after hours without occurrences is paged again. Any other known error is not.
  const isRecent = (atMs: number): boolean => atMs >= window.fromMs;
  const unknown = recent.groups.filter(
    (group) => !isRecent(getRecord(group)?.atMs ?? Number.NEGATIVE_INFINITY),
  );
  const seenBefore = await readSeenBefore(
    unknown.filter((group) => history === null || !isSettled || getRecord(group) !== undefined),
    window,
  );
  const groups = unknown.filter(({ key }) => !seenBefore.has(key));
  // Recipients that could not be notified earlier are notified now, without repeating the page for the others.
  const failedTopics = new Map<string, ErrorGroup[]>();
  for (const group of recent.groups) {
    const topics = getRecord(group)?.failedTopics ?? [];
    if (topics.length === 0 || groups.includes(group)) continue;
    const of = JSON.stringify(topics);
    failedTopics.set(of, [...(failedTopics.get(of) ?? []), group]);
  }
  const paged = [];
  for (const { only, some } of [
    { only: undefined, some: groups },
    ...[...failedTopics].map(([topics, some]) => ({ only: JSON.parse(topics) as string[], some })),
  ]) {
    if (some.length === 0) continue;
    const about = { alarm, signature, followUp: history?.isPaged ?? true, lines, only };
    paged.push(await pageErrors(about, { ...recent, groups: some, overflow: 0 }, context, history?.known));
  }
  const undiagnosed = paged.reduce((sum, each) => sum + each.undiagnosed, 0);
  const stillUntold = [...new Set(paged.flatMap((each) => each.failedTopics))];
  log('rescan-ended', {
    alarm: alarm.name,
    seen: recent.groups.length,
    new: groups.length,
    ...(undiagnosed > 0 ? { undiagnosed } : {}),
    ...(stillUntold.length > 0 ? { failedTopics: stillUntold } : {}),
    ...(isSettled ? { untilIngestedMs } : {}),
  });

  /**
   * Returns the errors that occurred before. Usually a few lines show that all of them did, and the rest is not read.
   */
  async function readSeenBefore(
    wanted: readonly ErrorGroup[],
    { fromMs }: RescanWindow,
  ): Promise<ReadonlySet<string>> {
    const left = new Set(wanted.map(({ key }) => key));
    if (left.size === 0) return new Set();
    const before = await readErrors(
      out,
      settings,
      {
        signature: signature!,
        fromMs,
        untilIngestedMs: newAfterMs,
        enough: (collection) => {
          for (const key of collection.keys()) left.delete(key);
          return left.size === 0;
        },
      },
      limits(),
    );
    for (const { key } of before.groups) left.delete(key);
    return new Set(wanted.flatMap(({ key }) => (left.has(key) ? [] : [key])));
  }
}
