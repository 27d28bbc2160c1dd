/**
 * Resolves pages. An alarm in OK is not proof of a repair: at night no orders come in, and the errors stop although the
 * cause remains. A page is therefore resolved only if the alarm is OK and a new diagnosis confirms it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Diagnosis } from '../../contract/diagnosis';
import { log } from '../../log';
import {
  type AlarmState,
  isWorkloadAlarm,
  parseAlarmSignature,
  type RescanEvent,
  readDueTime,
} from '../alarm';
import { buildPageAlarm, DEFAULT_TIMING, type PageContext } from '../context';
import { isAlarmTest } from '../document/diagnosed-error';
import { buildDedupKey } from '../document/document';
import { buildResolvedDocument, type ResolvedPage } from '../document/resolved-page';
import type { ErrorGroup } from '../logs/collect';
import { readErrors } from '../logs/read-errors';
import {
  isQueryDue,
  logPagesOver,
  logResolved,
  type OpenPage,
  readOpenPages,
  shortenKey,
} from '../page-records';
import { publishPage } from '../publish';
import { diagnoseGroups } from './diagnoses';
import { queryWorkloadDrift } from './page-workload';

/**
 * Resolves the pages that have ended. @throws nothing: the next check retries what is not resolved now, and new errors
 * have already been paged
 */
export async function resolvePages(
  event: RescanEvent,
  open: readonly OpenPage[],
  alarms: readonly AlarmState[],
  context: PageContext,
): Promise<void> {
  const { prefix, rescanIntervalMs } = context.settings;
  const dueMs = readDueTime(event);
  for (const alarm of alarms) {
    const pages = open.filter((page) => page.alarm === alarm.name);
    if (pages.length === 0 || alarm.state !== 'OK' || !isQueryDue(dueMs, alarm.sinceMs, rescanIntervalMs))
      continue;
    try {
      const over = isWorkloadAlarm(prefix, alarm.name)
        ? await findResolvedStatements(alarm, pages, context)
        : await findResolvedErrors(alarm, pages, context);
      log('resolution-checked', { alarm: alarm.name, open: pages.length, over: over.length });
      await publishResolved(alarm, await recordResolved(alarm, over, context), context);
    } catch (error) {
      log('resolution-failed', { alarm: alarm.name, reason: (error as Error).name });
    }
  }
}

/**
 * Records in the log that pages have ended, before the resolved page is sent. The function that forwards pages
 * (lambda/notify) finds the record there, and so does not deliver an older page after its end. If the record does not
 * become visible in time, the next check sends the resolved page.
 */
async function recordResolved(
  alarm: AlarmState,
  over: readonly ResolvedPage[],
  { settings, out, timing = DEFAULT_TIMING }: PageContext,
): Promise<readonly ResolvedPage[]> {
  const { documentTopicArn, ownLogGroup } = settings;
  const unrecorded = over.filter(({ page }) => page.overMs === undefined);
  if (unrecorded.length === 0) return over;
  const loggedMs = Date.now();
  logPagesOver(
    alarm.name,
    unrecorded.map(({ page }) => page),
  );
  if (documentTopicArn === undefined || ownLogGroup === undefined) return over;
  const giveUp = Date.now() + timing.overWaitMs;
  for (;;) {
    const shown = await readOpenPages(out, ownLogGroup, Date.now());
    const isShown = ({ page }: ResolvedPage): boolean =>
      shown.some(({ dedupKey, overMs = 0 }) => dedupKey === page.dedupKey && overMs >= loggedMs);
    if (unrecorded.every(isShown)) return over;
    if (Date.now() + timing.overRetryMs > giveUp) {
      log('resolution-not-visible', { alarm: alarm.name, pages: unrecorded.length });
      return over.filter((each) => each.page.overMs !== undefined || isShown(each));
    }
    await sleep(timing.overRetryMs);
  }
}

/**
 * Sends the resolved pages. Topics that missed an earlier attempt are notified now, without repeating it for the
 * others.
 */
async function publishResolved(
  alarm: AlarmState,
  over: readonly ResolvedPage[],
  context: PageContext,
): Promise<void> {
  const byTopics = new Map<string, ResolvedPage[]>();
  for (const each of over) {
    const topics = JSON.stringify(each.page.failedTopics ?? null);
    byTopics.set(topics, [...(byTopics.get(topics) ?? []), each]);
  }
  for (const [topics, some] of byTopics) {
    const document = buildResolvedDocument({
      alarm: buildPageAlarm(alarm.name, context),
      over: some,
      okSinceMs: alarm.sinceMs,
      nowMs: Date.now(),
    });
    const { failedTopics } = await publishPage(document, context, JSON.parse(topics) ?? undefined);
    logResolved(document, failedTopics);
  }
}

/**
 * Returns either all pages or none. Only a limited number of broken statements is listed, so a single one cannot be
 * confirmed as repaired.
 */
async function findResolvedStatements(
  { of }: AlarmState,
  pages: readonly OpenPage[],
  context: PageContext,
): Promise<readonly ResolvedPage[]> {
  const answers = await queryWorkloadDrift(of, context);
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

/** Reads the errors of the pages from the log again, and diagnoses them with the same questions. */
async function findResolvedErrors(
  alarm: AlarmState,
  pages: readonly OpenPage[],
  context: PageContext,
): Promise<readonly ResolvedPage[]> {
  const signature = parseAlarmSignature(context.settings.prefix, alarm.name);
  if (signature === null) return [];
  const groups = await readErrorGroups(signature, pages, context);
  const uses = groups.flatMap(({ page, group }) => splitByUse(group).map((use) => ({ page, use })));
  const answers = await diagnoseGroups(
    uses.map(({ use }) => use),
    context,
  );
  return pages.flatMap((page) => {
    const own = groups.filter((each) => each.page === page).map(({ group }) => group);
    // If the log lines of one of its partitions no longer exist, its end cannot be confirmed.
    if (own.length === 0 || own.length < (page.parts?.length ?? 1)) return [];
    const diagnoses = answers.filter((_, i) => uses[i]!.page === page).map(({ diagnosis }) => diagnosis);
    const test = own.every(isAlarmTest);
    if (!test && !diagnoses.every(isNotReproduced)) return [];
    const causes = [...new Set(diagnoses.flatMap(({ cause }) => cause))];
    const further = own.reduce((sum, { otherUses }) => sum + otherUses, 0);
    const others =
      further > 0
        ? [`${further} of the errors came from other statements or roles, which were not checked.`]
        : [];
    return [
      {
        page,
        signature,
        test,
        firstMs: Math.min(...own.map(({ first }) => Date.parse(first))),
        seen: test ? ['It was a test.'] : [...causes, ...others],
      },
    ];
  });
}

/**
 * Whether the error would no longer occur. A null verdict does not count: there was no answer, or the catalog cannot
 * decide it.
 */
const isNotReproduced = ({ verdict }: Diagnosis): boolean => verdict === 'not-reproduced';

/**
 * Splits a group by statement and role, because a less frequent statement may still fail when the most frequent one
 * does not.
 */
const splitByUse = (group: ErrorGroup): readonly ErrorGroup[] =>
  group.uses.map(({ statement, user }) => ({ ...group, statement, user }));

async function readErrorGroups(
  signature: string,
  pages: readonly OpenPage[],
  context: PageContext,
): Promise<readonly { readonly page: OpenPage; readonly group: ErrorGroup }[]> {
  const { settings, out, timing = DEFAULT_TIMING } = context;
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
      const page = wanted.find(({ alarm, dedupKey, parts }) => {
        const key = buildDedupKey(buildPageAlarm(alarm, context), group.key);
        return dedupKey === key || parts?.includes(shortenKey(key));
      });
      if (page !== undefined) found.push({ page, group });
    }
  }
  return found;
}
