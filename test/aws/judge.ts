/** What the recorded events say of the assumptions. Pure; the tests without AWS apply it to the recordings again. */
import { readHistory, readReportedSuccess, type StackEvent } from '../../lambda/deploy/history';
import type { Received, StackLine } from './received';
import { type Finding, found, notSettled } from './step';

export interface Attempt {
  /** What our custom resource was sent, oldest first. */
  readonly received: readonly Received[];
  /** What happened in the stack, oldest first. */
  readonly events: readonly StackLine[];
  /** Logical id of our custom resource. */
  readonly ours: string;
  /** The version that was deployed before, and the one that failed. */
  readonly good: string;
  readonly bad: string;
}

/** docs/rollback.md: "The clocks of CloudFormation and Lambda differ by less than five seconds". */
const CLOCKS_MS = 5_000;
/** docs/rollback.md: "up to date within a minute". */
const UP_TO_DATE_MS = 60_000;

const requests = ({ received }: Attempt): Received[] => received.filter(({ phase }) => phase === 'request');
const forward = (attempt: Attempt) => requests(attempt).find(({ now }) => now === attempt.bad);
const backward = (attempt: Attempt) =>
  requests(attempt).findLast(({ now, type }) => now === attempt.good && type === 'Update');
const of = (attempt: Attempt, request: Received): Received[] =>
  attempt.received.filter((each) => each.request === request.request);

/** A later resource fails: the rollback's Update, from which code, with which properties. */
export function judgeRollback(attempt: Attempt): Finding[] {
  const back = backward(attempt);
  if (back === undefined || forward(attempt) === undefined)
    return [notSettled('The custom resource was not called for a deployment and for its rollback.')];
  return [
    found(
      back.code === attempt.good,
      'The rollback calls the old code: the function was restored first.',
      'The rollback calls the new code: the function was not restored before the custom resource was called.',
    ),
    found(
      back.before === attempt.bad,
      "The rollback's Update has the failed properties as the old ones.",
      `The rollback's Update has other old properties than the failed ones (version ${back.before ?? 'none'}).`,
    ),
    upToDate(attempt, back),
    ourReading(attempt),
  ];
}

/** Status and events, as the function that is called in the rollback sees them. */
function upToDate(attempt: Attempt, back: Received): Finding {
  const looks = of(attempt, back);
  const first = looks.find(({ seen }) => 'status' in seen && /ROLLBACK/.test(seen.status));
  if (first === undefined) {
    const lookedMs = looks.at(-1)!.at - back.at;
    if (lookedMs < UP_TO_DATE_MS)
      return notSettled(
        'While the rollback waited for its Update, no look showed the rollback; it ended within a minute.',
      );
    return {
      outcome: 'otherwise',
      words: "A minute after the rollback's Update, the stack's status showed no rollback.",
    };
  }
  const afterMs = first.at - back.at;
  return found(
    afterMs < UP_TO_DATE_MS,
    `The stack's status shows the rollback ${afterMs < 1_000 ? 'at once' : `${Math.round(afterMs / 1_000)} s after its Update`}.`,
    `The stack's status shows the rollback only ${Math.round(afterMs / 1_000)} s after its Update.`,
  );
}

/** The events of the stack and of our resource, as `deploy` reads them. */
const readable = ({ events, ours }: Attempt): StackEvent[] =>
  events
    .filter((each) => each.of === 'stack' || each.of === ours)
    .map(({ of, status, detail, at }) => ({
      of: of === 'stack' ? 'stack' : 'resource',
      status,
      ...(detail === undefined ? {} : { detail }),
      atMs: at,
    }));

function ourReading(attempt: Attempt): Finding {
  const history = readHistory(readable(attempt), true);
  return found(
    history.rollbackAtMs !== null && readReportedSuccess(history) === true,
    "Trueup's reading of the events: a rollback, after its own resource had reported success.",
    `Trueup's reading of the events is wrong: rollback ${history.rollbackAtMs !== null}, own success ${readReportedSuccess(history)}.`,
  );
}

/** While CloudFormation waits, it tells nothing that reads like another operation or an end of ours. */
export function judgeWaiting(attempt: Attempt): Finding {
  const request = forward(attempt);
  const looks = request === undefined ? [] : of(attempt, request);
  const statuses = new Set(looks.flatMap(({ seen }) => ('status' in seen ? [seen.status] : [])));
  const ends = new Set(
    looks.flatMap(({ seen }) =>
      'status' in seen
        ? [
            seen.events.find((each) => each.of === 'resource' && /_(COMPLETE|FAILED)$/.test(each.status))
              ?.atMs,
          ]
        : [],
    ),
  );
  if (looks.length < 3) return notSettled('The custom resource looked fewer than three times.');
  const details = new Set(
    looks.flatMap(({ seen }) => ('status' in seen ? seen.events.flatMap(({ detail }) => detail ?? []) : [])),
  );
  const detailed = details.size > 0 ? `, beside detailed statuses (${[...details].join(', ')})` : '';
  return found(
    statuses.size === 1 && ends.size === 1,
    `Through ${looks.length} looks the stack's status stays ${[...statuses].join()} and the resource's last result the same${detailed}.`,
    `While CloudFormation waited, the stack showed ${[...statuses].join(', ')}, and ${ends.size} last results of the resource.`,
  );
}

/** A function cannot be called before CloudFormation says so, nor can the end be told before the function gave it. */
export function judgeClocks(attempt: Attempt): Finding {
  const request = forward(attempt);
  const times = attempt.events.filter((each) => each.of === attempt.ours);
  const looks = request === undefined ? [] : of(attempt, request);
  const began = times.find(
    (each) => each.status.endsWith('_IN_PROGRESS') && each.at > (endedBefore(request) ?? 0),
  )?.at;
  const ended = times.find(
    (each) => each.status.endsWith('_COMPLETE') && began !== undefined && each.at >= began,
  )?.at;
  const answered = looks.findLast((each) => each.answered)?.at;
  if (request === undefined || began === undefined || ended === undefined || answered === undefined)
    return notSettled('Beginning and end of the request are not both in the events.');
  const aheadMs = Math.max(began - request.at, answered - ended);
  return found(
    aheadMs < CLOCKS_MS,
    `Neither clock is ahead by more than it takes to be noticed: at most ${Math.max(0, Math.round(aheadMs / 100) / 10)} s.`,
    `The clocks of CloudFormation and Lambda differ by ${Math.round(aheadMs / 1_000)} s at least.`,
  );
}

/** When our resource had last ended before this request. */
const endedBefore = (request: Received | undefined): number | undefined =>
  request === undefined || !('events' in request.seen)
    ? undefined
    : request.seen.events.find((each) => each.of === 'resource' && /_(COMPLETE|FAILED)$/.test(each.status))
        ?.atMs;

/** The framework's state machine asks again and again, never sooner than it says. */
export function judgePolls(attempt: Attempt, intervalMs: number): Finding {
  const request = forward(attempt);
  const polls = request === undefined ? [] : of(attempt, request).filter(({ phase }) => phase === 'poll');
  const gaps = polls.slice(1).map(({ at }, i) => at - polls[i]!.at);
  if (gaps.length < 2) return notSettled('The provider framework asked fewer than three times.');
  return found(
    // The time that the call before took is not part of the interval, but its beginning is what is written down.
    Math.min(...gaps) >= intervalMs - 1_000,
    `The provider framework asks ${polls.length} times, ${Math.round(Math.min(...gaps) / 100) / 10} to ${Math.round(Math.max(...gaps) / 100) / 10} s apart.`,
    `The provider framework asks again after ${Math.min(...gaps)} ms, sooner than its interval of ${intervalMs} ms.`,
  );
}

/** Another resource fails while ours still works. */
export function judgeCancelled(attempt: Attempt, afterwards: string): Finding[] {
  const own = attempt.events.filter((each) => each.of === attempt.ours);
  const request = forward(attempt);
  const cancelled = own.find(({ status, reason }) => /_FAILED$/.test(status) && /cancel/i.test(reason ?? ''));
  if (request === undefined || cancelled === undefined)
    return [notSettled('The custom resource was not cancelled while it worked.')];
  const late = of(attempt, request).find(({ answered, at }) => answered && at > cancelled.at);
  return [
    found(
      /^(CREATE|UPDATE)_FAILED$/.test(cancelled.status),
      `A resource that is cancelled shows ${cancelled.status}.`,
      `A resource that is cancelled shows ${cancelled.status}.`,
    ),
    late === undefined
      ? notSettled('The cancelled request gave no late answer.')
      : found(
          afterwards === 'UPDATE_ROLLBACK_COMPLETE',
          'The answer of a cancelled request changes nothing.',
          `After the answer of a cancelled request the stack is ${afterwards}.`,
        ),
  ];
}

/** The Update that follows a failed one without a rollback, and the one of `cdk rollback`. */
export function judgeNoRollback(
  received: readonly Received[],
  versions: { readonly good: string; readonly first: string; readonly second: string },
): Finding[] {
  const calls = received.filter(({ phase }) => phase === 'request');
  const second = calls.find(({ now }) => now === versions.second);
  const back = calls.findLast(({ now, before }) => now === versions.good && before !== null);
  return [
    second === undefined
      ? notSettled('There was no Update after the failed one.')
      : found(
          second.before === versions.first,
          'With rollback disabled, the next Update has the failed properties as the old ones.',
          `With rollback disabled, the next Update has version ${second.before} as the old one, not the failed ${versions.first}.`,
        ),
    back === undefined || (back.before !== versions.first && back.before !== versions.second)
      ? notSettled('`cdk rollback` called the custom resource with nothing of the failed deployments.')
      : found(
          back.before === versions.second,
          '`cdk rollback` has the newest failed properties as the old ones.',
          `\`cdk rollback\` has version ${back.before} as the old one, not the newest ${versions.second}.`,
        ),
  ];
}

/** The nested stack's own events, when its parent fails after it has been updated. */
export function judgeNested(events: readonly StackLine[]): Finding {
  const own = events.filter(({ of }) => of === 'stack').map(({ status }) => status);
  const updated = own.lastIndexOf('UPDATE_COMPLETE', own.indexOf('UPDATE_ROLLBACK_IN_PROGRESS'));
  if (!own.some((status) => status.includes('ROLLBACK')))
    return own.includes('UPDATE_IN_PROGRESS')
      ? { outcome: 'otherwise', words: `The nested stack shows no rollback: ${own.join(', ')}.` }
      : notSettled('The nested stack was not updated.');
  return found(
    updated >= 0,
    'A nested stack shows UPDATE_COMPLETE, then UPDATE_ROLLBACK_IN_PROGRESS.',
    `A nested stack whose parent fails shows ${own.join(', ')}.`,
  );
}
