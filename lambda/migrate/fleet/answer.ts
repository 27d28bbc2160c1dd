/** What is answered for one tenant: small, since a run keeps one for each. Pure. */
import type { Kept, Outcome, Report } from '../../contract/converge';
import type { ErrorInfo } from '../../contract/errors';
import type { Standing, TenantAnswer } from '../../contract/fleet';
import type { Verification } from '../../contract/status';
import { leftAsItIs } from '../../engine/on-database';

/** Of JSON, as {@link TenantAnswer} promises. */
export const MOST_BYTES = 2_048;

/** A rollback's name for all that it did not come to, where not even which ones is known. */
export const ALL = '*';
export const NOT_REACHED = 'not reached';

export interface Asked {
  readonly name: string;
  readonly startedAt: string;
  /** The tenant has had all of its time. */
  readonly timeIsUp: boolean;
}

export const ofStanding = ({ name, startedAt }: Asked, { pending, ...standing }: Standing): TenantAnswer =>
  bounded({ name, startedAt, ...standing, pending: pending.length });

/** Of a tenant that is at version. */
export function ofProof(answer: TenantAnswer, { findings, errors }: Verification): TenantAnswer {
  const [error] = errors;
  if (findings.length > 0)
    return bounded({
      ...answer,
      state: 'drifted',
      error: {
        code: 'verification',
        migration: findings[0]!.migration,
        message: 'what was applied is no longer there',
        remedy: 'Bring it back with a new migration, or by hand.',
        details: findings.map(({ sentence }) => sentence),
      },
    });
  return error === undefined ? answer : bounded({ ...answer, state: 'drifted', error });
}

export function ofApply(asked: Asked, outcome: Outcome): TenantAnswer {
  const { applied, baselined } = outcome.report;
  const told = answerOf(asked, outcome.report, [...baselined, ...applied]);
  if (outcome.status === 'done') return bounded({ ...told, state: 'at version', pending: 0 });
  if (outcome.status === 'failed') return bounded({ ...told, state: 'failed', error: outcome.error });
  if (!asked.timeIsUp) return bounded({ ...told, state: 'continue' });
  return bounded({ ...told, state: 'failed', error: outcome.waitingFor ?? notInTime(outcome.progress) });
}

/** Never a failure: what could not be undone is kept, and why is said. */
export function ofUndo(asked: Asked, outcome: Outcome): TenantAnswer {
  const { undone, kept, warnings } = outcome.report;
  const told = answerOf(asked, outcome.report, undone);
  if (outcome.status === 'continue' && !asked.timeIsUp) return bounded({ ...told, state: 'continue' });
  const left = warnings.flatMap((warning) => leftAsItIs(warning) ?? []);
  const all: Kept[] =
    outcome.status === 'continue'
      ? [{ name: ALL, reason: `${NOT_REACHED}: ${outcome.waitingFor?.message ?? outcome.progress}` }]
      : outcome.status === 'failed'
        ? [{ name: ALL, reason: outcome.error.message }]
        : left.map((reason) => ({ name: ALL, reason }));
  const whole = [...all, ...kept];
  return bounded({ ...told, state: 'undone', ...(whole.length > 0 ? { kept: whole } : {}) });
}

const answerOf = (
  { name, startedAt }: Asked,
  { pending, position }: Report,
  changed: readonly string[],
): Omit<TenantAnswer, 'state'> => ({
  name,
  startedAt,
  pending: pending.length,
  position,
  ...(changed.length > 0 ? { changed } : {}),
});

const notInTime = (progress: string): ErrorInfo => ({
  code: 'busy',
  message: `not finished in its time: ${progress}`,
  remedy: 'Deploy again to continue, or give it more time (perTargetTimeout); what is done is recorded.',
});

/** Each is tried after the ones before it, until the whole is small enough. */
const SHORTER: readonly ((answer: TenantAnswer) => TenantAnswer)[] = [
  ({ changed, kept, ...rest }) => ({
    ...rest,
    ...(changed ? { changed: changed.slice(-5) } : {}),
    ...(kept ? { kept: someOf(kept, 5, 200) } : {}),
  }),
  withError((error) => ({
    ...error,
    ...(error.details ? { details: error.details.slice(0, 3).map((text) => cut(text, 160)) } : {}),
  })),
  withError(({ details: _, ...error }) => ({
    ...error,
    message: cut(error.message, 500),
    remedy: cut(error.remedy, 300),
  })),
  ({ changed, kept, position, ...rest }) => ({
    ...rest,
    position: cut(position, 100),
    ...(changed ? { changed: changed.slice(-1).map((name) => cut(name, 100)) } : {}),
    ...(kept ? { kept: someOf(kept, 2, 80).map((each) => ({ ...each, name: cut(each.name, 100) })) } : {}),
  }),
  withError(({ code, message, remedy, sqlstate }) => ({
    code,
    message: cut(message, 150),
    remedy: cut(remedy, 100),
    ...(sqlstate ? { sqlstate } : {}),
  })),
];

const isSmall = (answer: TenantAnswer): boolean => Buffer.byteLength(JSON.stringify(answer)) <= MOST_BYTES;

const bounded = (answer: TenantAnswer): TenantAnswer =>
  SHORTER.reduce((now, shorten) => (isSmall(now) ? now : shorten(now)), answer);

function withError(change: (error: ErrorInfo) => ErrorInfo): (answer: TenantAnswer) => TenantAnswer {
  return (answer) => (answer.error ? { ...answer, error: change(answer.error) } : answer);
}

const someOf = (kept: readonly Kept[], most: number, length: number): Kept[] => [
  ...kept.slice(0, most).map(({ name, reason }) => ({ name, reason: cut(reason, length) })),
  ...(kept.length > most ? [{ name: ALL, reason: `and ${kept.length - most} more` }] : []),
];

const cut = (text: string, length: number): string =>
  text.length <= length ? text : `${[...text].slice(0, length - 1).join('')}…`;
