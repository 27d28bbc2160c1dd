/**
 * Ends pages. Silence is not health: at night nobody orders, and the alarm returns to OK although nothing was repaired. So
 * the alarm must be OK and the catalogue, asked again, must agree.
 */
import type { Diagnosis } from '../../contract/diagnosis';
import { log } from '../../log';
import { type AlarmState, dueTime, isWorkloadAlarm, type LookAgainEvent, signatureOfAlarm } from '../alarm';
import { type PageContext, pageAlarm, TIMING } from '../context';
import { dedupKeyOf } from '../document/document';
import { isTest } from '../document/finding';
import { type Over, resolvedDocument } from '../document/resolved';
import type { ErrorGroup } from '../logs/collect';
import { readErrors } from '../logs/read';
import { isAskedAt, logResolved, type OpenPage } from '../paged';
import { tell } from '../tell';
import { diagnoseAll } from './diagnoses';
import { askWorkload } from './workload';

/** @throws nothing: what is not resolved now is in the next look, and what is new has been paged */
export async function resolvePages(
  event: LookAgainEvent,
  open: readonly OpenPage[],
  alarms: readonly AlarmState[],
  context: PageContext,
): Promise<void> {
  const { prefix, lookAgainMs } = context.settings;
  const dueMs = dueTime(event);
  for (const alarm of alarms) {
    const pages = open.filter((page) => page.alarm === alarm.name);
    if (pages.length === 0 || alarm.state !== 'OK' || !isAskedAt(dueMs, alarm.sinceMs, lookAgainMs)) continue;
    try {
      const over = isWorkloadAlarm(prefix, alarm.name)
        ? await statementsOver(alarm, pages, context)
        : await errorsOver(alarm, pages, context);
      log('looked-whether-over', { alarm: alarm.name, open: pages.length, over: over.length });
      if (over.length === 0) continue;
      const document = resolvedDocument({
        alarm: pageAlarm(alarm.name, context),
        over,
        okSinceMs: alarm.sinceMs,
        nowMs: Date.now(),
      });
      await tell(document, context);
      logResolved(document);
    } catch (error) {
      log('resolve-failed', { alarm: alarm.name, reason: (error as Error).name });
    }
  }
}

/** All of them, or none: what is broken is named up to a number only. */
async function statementsOver(
  { of }: AlarmState,
  pages: readonly OpenPage[],
  context: PageContext,
): Promise<readonly Over[]> {
  const answers = await askWorkload(of, context);
  const plan = answers.every(
    ({ workload, problem }) => problem === null && workload !== null && workload.broken === 0,
  );
  if (answers.length === 0 || !plan) return [];
  return pages.map((page) => ({
    page,
    signature: 'workload',
    test: false,
    firstMs: null,
    seen: ['All statements of the application plan again.'],
  }));
}

/** The errors are read again where they were, and asked about as they were. */
async function errorsOver(
  alarm: AlarmState,
  pages: readonly OpenPage[],
  context: PageContext,
): Promise<readonly Over[]> {
  const signature = signatureOfAlarm(context.settings.prefix, alarm.name);
  if (signature === null) return [];
  const groups = await groupsOf(signature, pages, context);
  const questions = groups.flatMap(({ page, group }) => usesOf(group).map((use) => ({ page, group, use })));
  const diagnoses = await diagnoseAll(
    questions.map(({ use }) => use),
    context,
  );
  return groups.flatMap(({ page, group }) => {
    const answers = diagnoses.filter((_, i) => questions[i]!.page === page);
    if (!isTest(group) && !answers.every(agrees)) return [];
    const causes = [...new Set(answers.flatMap(({ cause }) => cause))];
    const others =
      group.otherUses > 0
        ? [
            `${group.otherUses} of the errors were of further statements or roles, which were not asked about.`,
          ]
        : [];
    return [
      {
        page,
        signature,
        test: isTest(group),
        firstMs: Date.parse(group.first),
        seen: isTest(group) ? ['It was a test.'] : [...causes, ...others],
      },
    ];
  });
}

/** Looked up now, the error would not happen. Null is no agreement: nobody answered, or the catalogue cannot tell. */
const agrees = ({ verdict }: Diagnosis): boolean => verdict === 'not-reproduced';

/** Another statement may fail where the most frequent one does not. */
const usesOf = (group: ErrorGroup): readonly ErrorGroup[] =>
  group.uses.map(({ statement, user }) => ({ ...group, statement, user }));

async function groupsOf(
  signature: string,
  pages: readonly OpenPage[],
  context: PageContext,
): Promise<readonly { readonly page: OpenPage; readonly group: ErrorGroup }[]> {
  const { settings, out, timing = TIMING } = context;
  const found: { readonly page: OpenPage; readonly group: ErrorGroup }[] = [];
  for (const window of new Set(pages.map(({ lines }) => JSON.stringify(lines)))) {
    const wanted = pages.filter(({ lines }) => lines !== null && JSON.stringify(lines) === window);
    if (wanted.length === 0) continue;
    const { groups } = await readErrors(
      out,
      settings,
      { signature, ...wanted[0]!.lines! },
      { events: timing.readEvents, deadline: Date.now() + timing.readMs },
    );
    for (const group of groups) {
      const page = wanted.find(
        ({ alarm, dedupKey }) => dedupKey === dedupKeyOf(pageAlarm(alarm, context), group.key),
      );
      if (page !== undefined) found.push({ page, group });
    }
  }
  return found;
}
