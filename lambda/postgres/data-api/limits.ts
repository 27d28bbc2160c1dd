/** Limits of the RDS Data API. */

/** Characters that one call takes, less the mark that each statement begins with. */
export const MAX_STATEMENT_LENGTH = 65_536 - 41;

export const tooLong = (sql: string): boolean => sql.length > MAX_STATEMENT_LENGTH;
