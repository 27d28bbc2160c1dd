/** Marks definitions that remain in SQLite's language. They are shown, but never run. */
const SQLITE_MARK = "in SQLite's language: ";

export const markAsSqlite = (sql: string): string => SQLITE_MARK + sql;

/** Returns the definition as written in the SQLite file, on one line. */
export const unmarkSqlite = (definition: string): string =>
  definition.slice(SQLITE_MARK.length).replace(/\s+/g, ' ');

export const isSqliteText = (definition: string): boolean => definition.startsWith(SQLITE_MARK);
