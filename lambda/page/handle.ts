/** Alarm in, page out. What goes wrong on the way is in the page; only if no page can be sent at all does it throw. */
import { setTimeout as sleep } from 'node:timers/promises';
import { signatureOf } from '../defects/signatures';
import { log } from '../log';
import {
  type AlarmEvent,
  alarmNames,
  alarmWindow,
  dueTime,
  isWorkloadAlarm,
  type LookAgainEvent,
  lookAgainWindow,
  type PageEvent,
  type RaisedAlarm,
  signatureOfAlarm,
} from './alarm';
import { renderChat } from './chat';
import { type PageContext, TIMING } from './context';
import { diagnoseAll } from './diagnoses';
import { isPaged } from './finding';
import { type Read, readErrors } from './read';
import { type PageContent, renderPage } from './render';
import { pageWorkload } from './workload';

/** More in one message are named, not described. */
const MOST_FINDINGS = 10;
/** Of everyday errors, which are described only where the catalogue names a defect. */
const MOST_ASKED = 50;

export async function handlePage(event: PageEvent, context: PageContext): Promise<void> {
  if ('action' in event) return lookAgain(event, context);
  return pageAlarm(event, context);
}

async function pageAlarm(event: AlarmEvent, context: PageContext): Promise<void> {
  const { alarmName: name, state } = event.alarmData;
  const { prefix } = context.settings;
  const signature = signatureOfAlarm(prefix, name);
  log('alarm', { alarm: name, state: state.value, signature });
  if (state.value !== 'ALARM') return;
  if (isWorkloadAlarm(prefix, name)) return pageWorkload(event, context);
  if (signature === null) throw new Error(`${name} is not an alarm of this pager.`);
  const window = alarmWindow(event);
  await until(window.untilIngestedMs);
  const read = await readWhenThere({ signature, ...window }, context);
  await page({ alarm: { name, sinceMs: window.fromMs }, signature, followUp: false }, read, context);
}

async function lookAgain(event: LookAgainEvent, context: PageContext): Promise<void> {
  const { settings, out, timing = TIMING } = context;
  const dueMs = dueTime(event);
  for (const alarm of await alarmsUp(context)) {
    const signature = signatureOfAlarm(settings.prefix, alarm.name);
    const window = lookAgainWindow(alarm, dueMs, settings.lookAgainMs);
    if (signature === null || window === null) continue;
    const limits = () => ({ events: timing.readEvents, deadline: Date.now() + timing.readMs });
    const { fromMs, newFromMs, newAfterMs, untilIngestedMs } = window;
    const recent = await readErrors(
      out,
      settings,
      { signature, fromMs: newFromMs, untilIngestedMs, afterIngestedMs: newAfterMs },
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
      await page({ alarm, signature, followUp: true }, { ...recent, groups, overflow: 0 }, context);
  }
}

/**
 * None where the look is refused: the alarms themselves still page, and a failure of the schedule every few minutes would
 * hide any other.
 */
async function alarmsUp({ settings, out }: PageContext): Promise<readonly RaisedAlarm[]> {
  try {
    return await out.alarmsUp(alarmNames(settings.prefix));
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

async function page(
  about: Pick<PageContent, 'signature' | 'followUp'> & { readonly alarm: RaisedAlarm },
  read: Read,
  context: PageContext,
): Promise<void> {
  const { alarm, signature, followUp } = about;
  const { settings, out, region } = context;
  const onlyDiagnosed = signatureOf(signature)?.pagedWhen === 'diagnosed';
  const asked = read.groups.slice(0, onlyDiagnosed ? MOST_ASKED : MOST_FINDINGS);
  const diagnoses = await diagnoseAll(asked, context);
  const findings = asked.map((group, i) => ({ group, diagnosis: diagnoses[i]! })).filter(isPaged);
  if (onlyDiagnosed && findings.length === 0) {
    log('not-paged', { alarm: alarm.name, followUp, asked: asked.length, groups: read.groups.length });
    return;
  }
  const content: PageContent = {
    alarm: { name: alarm.name, region, account: settings.topicArn.split(':')[4] ?? '' },
    signature,
    followUp,
    findings: findings.slice(0, MOST_FINDINGS),
    // What nobody has proved is everyday, and is not named.
    others: onlyDiagnosed
      ? findings.slice(MOST_FINDINGS).map(({ group }) => group)
      : read.groups.slice(MOST_FINDINGS),
    overflow: onlyDiagnosed ? 0 : read.overflow,
    complete: read.complete,
    logGroups: settings.logGroups.map(({ name }) => name),
    fromMs: Math.min(alarm.sinceMs, ...findings.map(({ group }) => Date.parse(group.first))),
    toMs: Date.now(),
    runbookUrl: settings.runbookUrl,
  };
  const rendered = renderPage(content);
  await out.publish(settings.topicArn, rendered);
  await tellChat(content, context);
  log('paged', { alarm: alarm.name, followUp, findings: content.findings.length, subject: rendered.subject });
}

/** The page has been sent: what goes wrong here may neither hold it up nor send it again, and is said where pages go. */
async function tellChat(content: PageContent, { settings, out }: PageContext): Promise<void> {
  const { chatTopicArn, topicArn } = settings;
  if (chatTopicArn === undefined) return;
  try {
    await out.publish(chatTopicArn, { text: JSON.stringify(renderChat(content)) });
  } catch (error) {
    const reason = (error as Error).name;
    log('chat-not-told', { topic: chatTopicArn, reason });
    await out.publish(topicArn, {
      subject: '[Trueup] the chat was not told of a page',
      text: `The page before this one could not be published to ${chatTopicArn}: ${reason}. Check that the topic exists, and that the pager's role may publish to it and use its key.`,
    });
  }
}

const until = async (timeMs: number): Promise<void> => {
  const waitMs = timeMs - Date.now();
  if (waitMs > 0) await sleep(Math.min(waitMs, 60_000));
};
