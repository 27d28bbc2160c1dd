/**
 * Selects the tenants that a run of the drift check checks: each tenant once a day, independent of the other tenants.
 * Pure.
 */
import { createHash } from 'node:crypto';

const DAY_MS = 24 * 60 * 60_000;

export interface SampleSlot {
  /** Number of the run within its day, from 0. */
  readonly place: number;
  /** Number of runs a day. */
  readonly runs: number;
  /** Number of days since 1970. The order within a run changes every day, so that no tenant is always the last. */
  readonly day: number;
}

/** @param runs number of runs a day, at least 1 */
export function computeSampleSlot(nowMs: number, runs: number): SampleSlot {
  const day = Math.floor(nowMs / DAY_MS);
  return { place: Math.min(runs - 1, Math.floor(((nowMs - day * DAY_MS) * runs) / DAY_MS)), runs, day };
}

/** Returns the previous slot. Before the first slot of a day it is the last one of the day before. */
export const getPreviousSlot = ({ place, runs, day }: SampleSlot): SampleSlot =>
  place > 0 ? { place: place - 1, runs, day } : { place: runs - 1, runs, day: day - 1 };

export const isInSlot = (name: string, { place, runs }: SampleSlot): boolean =>
  hashName(name) % runs === place;

/** Returns the items that are due, in the order in which they are checked. */
export const selectSample = <T>(all: readonly T[], getName: (each: T) => string, turn: SampleSlot): T[] =>
  all
    .filter((each) => isInSlot(getName(each), turn))
    .map((each) => ({ each, at: hashName(`${turn.day} ${getName(each)}`) }))
    .sort((a, b) => a.at - b.at)
    .map(({ each }) => each);

/**
 * Maximum number of databases that every run connects to. Up to this number, the tenants take turns; with more, the
 * databases do.
 */
export const MAX_DATABASES_PER_RUN = 50;

const hashName = (name: string): number => createHash('sha256').update(name).digest().readUIntBE(0, 6);
