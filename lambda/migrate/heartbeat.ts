/**
 * Returns the heartbeat line for the database's log. Its arrival proves that log, export, filter and metric are
 * connected.
 */
export const formatHeartbeat = (database: string, namespace: string): string =>
  `trueup heartbeat (${database}/${namespace})`;
