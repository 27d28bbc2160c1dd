/** How many connections a fleet may have: as many as were asked for, and never more than a tenth of those that are free. */

export const DEFAULT_CONCURRENCY = 8;
const SHARE_OF_FREE = 0.1;

export interface Room {
  /** What the server would still give to anybody. */
  readonly free: number;
  /** What a run takes of it, one at least. */
  readonly connections: number;
}

/** Pure. */
export const roomFor = (asked: number, free: number): Room => ({
  free,
  connections: Math.max(1, Math.min(asked, Math.floor(free * SHARE_OF_FREE))),
});
