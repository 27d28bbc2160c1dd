/** Turns the errors read for an alarm into a page, if they justify one. */
import { findSignature } from '../../defects/signatures';
import { log } from '../../log';
import type { RaisedAlarm } from '../alarm';
import { buildPageAlarm, DEFAULT_TIMING, type PageContext } from '../context';
import { type DiagnosedError, needsPage } from '../document/diagnosed-error';
import { buildDedupKey } from '../document/document';
import { buildDocument, type PageContent } from '../document/render';
import { mergeSameCause } from '../document/same-cause';
import type { ErrorGroup } from '../logs/collect';
import type { ReadResult } from '../logs/read-errors';
import { logNotPaged, logPaged, type PagedKey, type PagedLines, shortenKey } from '../page-records';
import { publishPage } from '../publish';
import { diagnoseGroups, type QueriedError } from './diagnoses';

/** Maximum number of findings described in one message. The others are only named. */
const MAX_DESCRIBED = 10;
/** Maximum number of questions per invocation. */
const MAX_QUESTIONS = 50;

interface ErrorPageRequest extends Pick<PageContent, 'signature' | 'followUp'> {
  readonly alarm: RaisedAlarm;
  /** The log window that was read. */
  readonly lines: PagedLines;
  /** Topics that still have to be notified. @default - all */
  readonly only?: readonly string[] | undefined;
}

export interface PagedResult {
  /** Number of errors whose database was not queried. Only a diagnosis could tell whether they are harmless. */
  readonly undiagnosed: number;
  readonly failedTopics: readonly string[];
}

/**
 * Diagnoses the errors, and sends and records a page if they justify one.
 * @param known errors of this alarm that were paged or checked before
 * @throws {Error} if the text could not be sent; by then it is recorded what was sent, and to which topics it was not
 */
export async function pageErrors(
  about: ErrorPageRequest,
  read: ReadResult,
  context: PageContext,
  known?: ReadonlyMap<string, PagedKey>,
): Promise<PagedResult> {
  const { alarm, signature, followUp, lines, only } = about;
  const { settings } = context;
  const onlyDiagnosed = findSignature(signature)?.pagedWhen === 'diagnosed';
  const asked = onlyDiagnosed
    ? await diagnoseInBatches(read.groups, context)
    : await diagnoseGroups(read.groups.slice(0, MAX_QUESTIONS), context);
  const getKey = ({ key }: ErrorGroup): string => buildDedupKey(buildPageAlarm(alarm.name, context), key);
  const findings = mergeSameCause(asked)
    .filter(needsPage)
    .filter(({ group }) => only !== undefined || known?.get(shortenKey(getKey(group))) === undefined);
  const answered = onlyDiagnosed ? asked.filter(({ isAnswered }) => isAnswered) : asked;
  const undiagnosed = onlyDiagnosed ? read.groups.length - answered.length : 0;
  const unnamed = read.groups.slice(asked.length);
  const record = {
    lines: { fromMs: lines.fromMs, untilIngestedMs: lines.untilIngestedMs },
    further: [...answered.map(({ group }) => group), ...(onlyDiagnosed ? [] : unnamed)].map(getKey),
    undiagnosed,
  };
  // Without any errors, a page reports that the lines were not found. If all findings are known, no page is sent.
  if (findings.length === 0 && (onlyDiagnosed || asked.length > 0)) {
    logNotPaged(alarm.name, followUp, record);
    return { undiagnosed, failedTopics: [] };
  }
  const document = buildDocument({
    alarm: buildPageAlarm(alarm.name, context),
    signature,
    followUp,
    findings: findings.slice(0, MAX_DESCRIBED),
    // Errors of such a signature without a diagnosis are presumed harmless, and are not named.
    others: [...findings.slice(MAX_DESCRIBED).map(({ group }) => group), ...(onlyDiagnosed ? [] : unnamed)],
    undiagnosed,
    overflow: read.overflow,
    complete: read.complete,
    logGroups: settings.logGroups.map(({ name }) => name),
    fromMs: Math.min(alarm.sinceMs, ...findings.map(({ group }) => Date.parse(group.first))),
    toMs: Date.now(),
    coversUntilMs: lines.untilIngestedMs,
    runbookUrl: settings.runbookUrl,
  });
  const { failedTopics, textError } = await publishPage(document, context, only);
  logPaged(document, {
    ...record,
    parts: groupParts(findings.slice(0, MAX_DESCRIBED), getKey),
    failedTopics,
  });
  if (textError !== null) throw textError;
  return { undiagnosed, failedTopics };
}

/** For the key of each finding that combines several groups, returns the keys of those groups. */
const groupParts = (
  findings: readonly (DiagnosedError & { readonly parts?: readonly ErrorGroup[] })[],
  getKey: (group: ErrorGroup) => string,
): ReadonlyMap<string, readonly string[]> =>
  new Map(
    findings.flatMap(({ group, parts }) => (parts === undefined ? [] : [[getKey(group), parts.map(getKey)]])),
  );

/** Diagnoses all errors while there is time. The rest is reported as not diagnosed. */
async function diagnoseInBatches(
  groups: readonly ErrorGroup[],
  context: PageContext,
): Promise<readonly QueriedError[]> {
  const { allDiagnosesMs } = context.timing ?? DEFAULT_TIMING;
  const untilMs = Date.now() + allDiagnosesMs;
  const asked: QueriedError[] = [];
  while (asked.length < groups.length && (asked.length === 0 || Date.now() < untilMs)) {
    const some = await diagnoseGroups(groups.slice(asked.length, asked.length + MAX_QUESTIONS), context);
    asked.push(...some);
    // A database that does not respond is not queried again for the same page.
    if (!some.some(({ isAnswered }) => isAnswered)) break;
  }
  if (asked.length < groups.length) log('diagnoses-limited', { asked: asked.length, groups: groups.length });
  return asked;
}
