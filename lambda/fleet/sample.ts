/** Which tenants a scheduled check looks at in this run: each once a day, whatever the others are. Pure. */
import { createHash } from 'node:crypto';

const DAY_MS = 24 * 60 * 60_000;

export interface Turn {
  /** From 0. */
  readonly place: number;
  /** How many runs a day has. */
  readonly runs: number;
  /** Since 1970: the order within a run is another one each day, so nobody is always the last. */
  readonly day: number;
}

/** @param runs a day, at least 1 */
export function turnAt(nowMs: number, runs: number): Turn {
  const day = Math.floor(nowMs / DAY_MS);
  return { place: Math.min(runs - 1, Math.floor(((nowMs - day * DAY_MS) * runs) / DAY_MS)), runs, day };
}

/** The one before; the last of yesterday before the first of today. */
export const before = ({ place, runs, day }: Turn): Turn =>
  place > 0 ? { place: place - 1, runs, day } : { place: runs - 1, runs, day: day - 1 };

export const isTurnOf = (name: string, { place, runs }: Turn): boolean => lot(name) % runs === place;

/** Those whose turn it is, in the order in which they are looked at. */
export const sampleOf = <T>(all: readonly T[], nameOf: (each: T) => string, turn: Turn): T[] =>
  all
    .filter((each) => isTurnOf(nameOf(each), turn))
    .map((each) => ({ each, at: lot(`${turn.day} ${nameOf(each)}`) }))
    .sort((a, b) => a.at - b.at)
    .map(({ each }) => each);

/** Up to so many databases all are connected to in each run, and their tenants take turns; else the databases do. */
export const FEW_DATABASES = 50;

const lot = (name: string): number => createHash('sha256').update(name).digest().readUIntBE(0, 6);
