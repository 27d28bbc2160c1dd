/** Describes when and how often errors occurred, and whether they are ongoing. Pure. */
import type { LastDeployment } from '../../contract/diagnosis';
import type { ErrorGroup } from './collect';

/** Errors this recent may be ongoing: lines become searchable with a delay, and applications retry with pauses. */
const ONGOING_MS = 3 * 60_000;

/** @param nowMs when the log was read, or null if that is meaningless, as for a log file of unknown age */
export const isOngoing = ({ last, zone }: ErrorGroup, nowMs: number | null): boolean | null =>
  nowMs === null || zone !== null ? null : nowMs - Date.parse(last) <= ONGOING_MS;

export const formatClockTime = (iso: string, zone: string | null): string =>
  `${iso.slice(0, 10)} ${iso.slice(11, 19)} ${zone ?? 'UTC'}`;

/** Describes the frequency, e.g. `49 times in 4 min`. */
export function formatFrequency({ count, first, last }: ErrorGroup, complete: boolean): string {
  const times = `${complete ? '' : 'at least '}${count === 1 ? 'once' : `${count} times`}`;
  return count === 1 ? times : `${times} in ${formatDuration(Date.parse(last) - Date.parse(first))}`;
}

/** Formats a duration, rounded as a person would say it. */
export function formatDuration(ms: number): string {
  const seconds = Math.max(1, Math.round(ms / 1_000));
  if (seconds < 90) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `${minutes} min`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} days`;
}

/** Relates the errors to the last deployment in the ledger. Returns null if the ledger shows no relation. */
export function describeSinceDeployment(
  { first, zone }: ErrorGroup,
  deployment: LastDeployment | null | undefined,
): string | null {
  if (deployment == null || zone !== null) return null;
  const { startedAt, finishedAt, outcome } = deployment;
  const firstMs = Date.parse(first);
  const name = `The last deployment in the ledger (${outcome})`;
  if (firstMs < Date.parse(startedAt))
    return `${name} began at ${formatClockTime(startedAt, null)}, after the first error.`;
  if (finishedAt === null || firstMs < Date.parse(finishedAt))
    return `${name} began at ${formatClockTime(startedAt, null)}, ${formatDuration(firstMs - Date.parse(startedAt))} before the first error.`;
  return `${name} ended at ${formatClockTime(finishedAt, null)}, ${formatDuration(firstMs - Date.parse(finishedAt))} before the first error.`;
}
