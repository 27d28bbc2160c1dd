/** Number of connections that a fleet may use: as many as requested, but at most a tenth of those that are free. */

export const DEFAULT_CONCURRENCY = 8;
const MAX_SHARE_OF_FREE = 0.1;

export interface ConnectionHeadroom {
  /** Number of connections that the server would still accept from an ordinary role. */
  readonly free: number;
  /** Number of connections that a run uses, at least one. */
  readonly connections: number;
}

/** Computes the connections of a run. Pure. */
export const computeHeadroom = (asked: number, free: number): ConnectionHeadroom => ({
  free,
  connections: Math.max(1, Math.min(asked, Math.floor(free * MAX_SHARE_OF_FREE))),
});
