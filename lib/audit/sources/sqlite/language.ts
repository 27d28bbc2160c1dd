/** Texts that nobody translates: they are shown, and never run. */
const MARK = "in SQLite's language: ";

export const inSqlite = (sql: string): string => MARK + sql;

export const isInSqlite = (definition: string): boolean => definition.startsWith(MARK);
