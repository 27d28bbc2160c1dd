/** While an alarm is up it does not act again: the schedule looks whether something new has appeared. */

import { log } from '../../log';
import { dueTime, type LookAgainEvent, lookAgainWindow, type RaisedAlarm, signatureOfAlarm } from '../alarm';
import { type PageContext, TIMING } from '../context';
import { readErrors } from '../logs/read';
import { pageErrors } from './page-errors';

export async function lookAgain(
  event: LookAgainEvent,
  up: readonly RaisedAlarm[],
  context: PageContext,
): Promise<void> {
  const { settings, out, timing = TIMING } = context;
  const dueMs = dueTime(event);
  for (const alarm of up) {
    const signature = signatureOfAlarm(settings.prefix, alarm.name);
    const window = lookAgainWindow(alarm, dueMs, settings.lookAgainMs);
    if (signature === null || window === null) continue;
    const limits = () => ({ events: timing.readEvents, deadline: Date.now() + timing.readMs });
    const { fromMs, newFromMs, newAfterMs, untilIngestedMs } = window;
    const lines = { fromMs: newFromMs, untilIngestedMs };
    const recent = await readErrors(
      out,
      settings,
      { signature, ...lines, afterIngestedMs: newAfterMs },
      limits(),
    );
    const unknown = new Set(recent.groups.map((group) => group.key));
    // Most often all of it was there before, which a few lines show: the rest is not read.
    const before =
      unknown.size === 0
        ? null
        : await readErrors(
            out,
            settings,
            {
              signature,
              fromMs,
              untilIngestedMs: newAfterMs,
              enough: (collection) => {
                for (const key of collection.keys()) unknown.delete(key);
                return unknown.size === 0;
              },
            },
            limits(),
          );
    for (const group of before?.groups ?? []) unknown.delete(group.key);
    const groups = recent.groups.filter((group) => unknown.has(group.key));
    log('looked-again', { alarm: alarm.name, seen: recent.groups.length, new: groups.length });
    if (groups.length > 0)
      await pageErrors(
        { alarm, signature, followUp: true, lines },
        { ...recent, groups, overflow: 0 },
        context,
      );
  }
}
