/** When, how often, and whether it goes on. Pure. */
import type { LastDeployment } from '../../contract/diagnosis';
import type { ErrorGroup } from './collect';

/** Lines reach a search late, and an application retries with pauses: errors this recent may well go on. */
const ONGOING_MS = 3 * 60_000;

/** @param nowMs when the log was read; null where that says nothing, as for a file of some day */
export const isOngoing = ({ last, zone }: ErrorGroup, nowMs: number | null): boolean | null =>
  nowMs === null || zone !== null ? null : nowMs - Date.parse(last) <= ONGOING_MS;

export const clock = (iso: string, zone: string | null): string =>
  `${iso.slice(0, 10)} ${iso.slice(11, 19)} ${zone ?? 'UTC'}`;

/** `49 times in 4 min`. */
export function howOften({ count, first, last }: ErrorGroup, complete: boolean): string {
  const times = `${complete ? '' : 'at least '}${count === 1 ? 'once' : `${count} times`}`;
  return count === 1 ? times : `${times} in ${duration(Date.parse(last) - Date.parse(first))}`;
}

/** Rounded to what a person would say. */
export function duration(ms: number): string {
  const seconds = Math.max(1, Math.round(ms / 1_000));
  if (seconds < 90) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `${minutes} min`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} days`;
}

/** How the errors stand to the last deployment that the ledger has; null where nothing can be said. */
export function sinceDeployment(
  { first, zone }: ErrorGroup,
  deployment: LastDeployment | null | undefined,
): string | null {
  if (deployment == null || zone !== null) return null;
  const { startedAt, finishedAt, outcome } = deployment;
  const firstMs = Date.parse(first);
  const name = `The last deployment in the ledger (${outcome})`;
  if (firstMs < Date.parse(startedAt))
    return `${name} began at ${clock(startedAt, null)}, after the first error.`;
  if (finishedAt === null || firstMs < Date.parse(finishedAt))
    return `${name} began at ${clock(startedAt, null)}, ${duration(firstMs - Date.parse(startedAt))} before the first error.`;
  return `${name} ended at ${clock(finishedAt, null)}, ${duration(firstMs - Date.parse(finishedAt))} before the first error.`;
}
