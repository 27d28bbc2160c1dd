/** Limits of the RDS Data API. */

/** Maximum number of characters in a statement: the limit of a call, minus the mark at its start. */
export const MAX_STATEMENT_LENGTH = 65_536 - 41;

export const isTooLong = (sql: string): boolean => sql.length > MAX_STATEMENT_LENGTH;
