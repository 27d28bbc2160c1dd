/** The line in the database's log that shows, by arriving, that log, export, filter and metric are connected. */
export const HEARTBEAT_WORDS = (database: string, namespace: string): string =>
  `trueup heartbeat (${database}/${namespace})`;
