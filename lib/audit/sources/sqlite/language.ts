/** Texts that nobody translates: they are shown, and never run. */
const MARK = "in SQLite's language: ";

export const inSqlite = (sql: string): string => MARK + sql;

/** As it stands in the SQLite file, on one line. */
export const fromSqlite = (definition: string): string => definition.slice(MARK.length).replace(/\s+/g, ' ');

export const isInSqlite = (definition: string): boolean => definition.startsWith(MARK);
