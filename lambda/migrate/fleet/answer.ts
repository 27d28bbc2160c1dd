/** Builds the answer for one tenant. It is small, because a run keeps one per tenant. Pure. */
import type { ConvergeOutcome, ConvergeReport, KeptMigration } from '../../contract/converge';
import type { ErrorInfo } from '../../contract/errors';
import type { TenantAnswer, TenantStatus } from '../../contract/fleet';
import type { Verification } from '../../contract/status';
import { parseUnchangedReason } from '../../engine/on-database';

/** Maximum size of the JSON in bytes, as {@link TenantAnswer} guarantees. */
export const MAX_ANSWER_BYTES = 2_048;

/** The name under which a rollback reports everything it did not reach, if the individual migrations are unknown. */
const ALL_TENANTS = '*';
const NOT_REACHED = 'not reached';

export interface TenantWorkItem {
  readonly name: string;
  readonly startedAt: string;
  /** Whether the tenant has used up its time. */
  readonly timeIsUp: boolean;
}

export const answerFromStatus = (
  { name, startedAt }: TenantWorkItem,
  { pending, ...standing }: TenantStatus,
): TenantAnswer => shortenAnswer({ name, startedAt, ...standing, pending: pending.length });

/** Adds the verification of a tenant that is up to date. */
export function answerFromVerification(
  answer: TenantAnswer,
  { findings, errors }: Verification,
): TenantAnswer {
  const [error] = errors;
  if (findings.length > 0)
    return shortenAnswer({
      ...answer,
      state: 'drifted',
      error: {
        code: 'verification',
        migration: findings[0]!.migration,
        message: 'the database no longer has what the applied migrations created',
        remedy: 'Restore it with a new migration, or manually.',
        details: findings.map(({ sentence }) => sentence),
      },
    });
  return error === undefined ? answer : shortenAnswer({ ...answer, state: 'drifted', error });
}

export function answerFromApply(asked: TenantWorkItem, outcome: ConvergeOutcome): TenantAnswer {
  const { applied, baselined } = outcome.report;
  const told = buildAnswer(asked, outcome.report, [...baselined, ...applied]);
  if (outcome.status === 'done') return shortenAnswer({ ...told, state: 'up to date', pending: 0 });
  if (outcome.status === 'failed') return shortenAnswer({ ...told, state: 'failed', error: outcome.error });
  if (!asked.timeIsUp) return shortenAnswer({ ...told, state: 'continue' });
  return shortenAnswer({
    ...told,
    state: 'failed',
    error: outcome.waitingFor ?? makeTimeoutError(outcome.progress),
  });
}

/** Builds the answer for a rollback. It is never a failure: what could not be undone is listed with the reason. */
export function answerFromUndo(asked: TenantWorkItem, outcome: ConvergeOutcome): TenantAnswer {
  const { undone, kept, warnings } = outcome.report;
  const told = buildAnswer(asked, outcome.report, undone);
  if (outcome.status === 'continue' && !asked.timeIsUp) return shortenAnswer({ ...told, state: 'continue' });
  const left = warnings.flatMap((warning) => parseUnchangedReason(warning) ?? []);
  const all: KeptMigration[] =
    outcome.status === 'continue'
      ? [{ name: ALL_TENANTS, reason: `${NOT_REACHED}: ${outcome.waitingFor?.message ?? outcome.progress}` }]
      : outcome.status === 'failed'
        ? [{ name: ALL_TENANTS, reason: outcome.error.message }]
        : left.map((reason) => ({ name: ALL_TENANTS, reason }));
  const whole = [...all, ...kept];
  return shortenAnswer({ ...told, state: 'undone', ...(whole.length > 0 ? { kept: whole } : {}) });
}

const buildAnswer = (
  { name, startedAt }: TenantWorkItem,
  { pending, position }: ConvergeReport,
  changed: readonly string[],
): Omit<TenantAnswer, 'state'> => ({
  name,
  startedAt,
  pending: pending.length,
  position,
  ...(changed.length > 0 ? { changed } : {}),
});

const makeTimeoutError = (progress: string): ErrorInfo => ({
  code: 'busy',
  message: `the time limit of the tenant was reached: ${progress}`,
  remedy: 'Deploy again to continue, or give it more time (tenantTimeout). The ledger records what is done.',
});

/** Ways to shorten an answer, applied one after another until it is small enough. */
const SHORTENING_STEPS: readonly ((answer: TenantAnswer) => TenantAnswer)[] = [
  ({ changed, kept, ...rest }) => ({
    ...rest,
    ...(changed ? { changed: changed.slice(-5) } : {}),
    ...(kept ? { kept: shortenKept(kept, 5, 200) } : {}),
  }),
  mapError((error) => ({
    ...error,
    ...(error.details ? { details: error.details.slice(0, 3).map((text) => shortenText(text, 160)) } : {}),
  })),
  mapError(({ details: _, ...error }) => ({
    ...error,
    message: shortenText(error.message, 500),
    remedy: shortenText(error.remedy, 300),
  })),
  ({ changed, kept, position, ...rest }) => ({
    ...rest,
    position: shortenText(position, 100),
    ...(changed ? { changed: changed.slice(-1).map((name) => shortenText(name, 100)) } : {}),
    ...(kept
      ? { kept: shortenKept(kept, 2, 80).map((each) => ({ ...each, name: shortenText(each.name, 100) })) }
      : {}),
  }),
  mapError(({ code, message, remedy, sqlstate }) => ({
    code,
    message: shortenText(message, 150),
    remedy: shortenText(remedy, 100),
    ...(sqlstate ? { sqlstate } : {}),
  })),
];

const isSmall = (answer: TenantAnswer): boolean =>
  Buffer.byteLength(JSON.stringify(answer)) <= MAX_ANSWER_BYTES;

const shortenAnswer = (answer: TenantAnswer): TenantAnswer =>
  SHORTENING_STEPS.reduce((now, shorten) => (isSmall(now) ? now : shorten(now)), answer);

function mapError(change: (error: ErrorInfo) => ErrorInfo): (answer: TenantAnswer) => TenantAnswer {
  return (answer) => (answer.error ? { ...answer, error: change(answer.error) } : answer);
}

const shortenKept = (kept: readonly KeptMigration[], most: number, length: number): KeptMigration[] => [
  ...kept.slice(0, most).map(({ name, reason }) => ({ name, reason: shortenText(reason, length) })),
  ...(kept.length > most ? [{ name: ALL_TENANTS, reason: `and ${kept.length - most} more` }] : []),
];

const shortenText = (text: string, length: number): string =>
  text.length <= length ? text : `${[...text].slice(0, length - 1).join('')}…`;
