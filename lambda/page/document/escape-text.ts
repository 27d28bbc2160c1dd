/**
 * Escapes special characters in names, for example as `\u{202e}`. A name in a database may contain anything: characters
 * that move a terminal's cursor, change the direction of text, are invisible, or are markup where the page is shown.
 */

/** Control characters, line separators, invisible characters and directional marks. */
const INVISIBLE_CHARACTERS = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\u2800\u3164\u115f\u1160\uffa0]/gu;
/**
 * Mentions in a chat or tags in a mail (`<!here>`, `<@U024BE7LH>`, `<b>`, `@here`), and links (`[x](…)` and `…://`).
 */
const MARKUP_PATTERN = /<(?=[!@#/A-Za-z])|(?<![\w.])@(?=\w)|\](?=\()|:(?=\/\/)/g;

const escapeCharacter = (character: string): string => `\\u{${character.codePointAt(0)!.toString(16)}}`;

/** Escapes a name, or a sentence that contains one. */
export const escapeForDisplay = (text: string): string =>
  escapeSqlForDisplay(text).replace(MARKUP_PATTERN, escapeCharacter);

/** Escapes SQL, where `<` is an operator. */
export const escapeSqlForDisplay = (text: string): string =>
  text.replace(INVISIBLE_CHARACTERS, escapeCharacter);

const SQL_LINE_PATTERN = /^ {4}(?=\S)/;
export const isSqlLine = (line: string): boolean => SQL_LINE_PATTERN.test(line);

/** Replaces SQL that the channel would alter. */
const SQL_OMITTED_NOTE = 'See the message of the SNS topic for the SQL: this channel would alter it.';

/**
 * Escapes lines, some of them SQL, for channels where `<`, `@` and links are markup. Either all of the SQL is shown or
 * none of it.
 * @param shows whether the channel shows a line of SQL unaltered
 */
export function escapeLines(
  lines: readonly string[],
  shows: (sql: string) => boolean = (sql) => escapeForDisplay(sql) === sql,
): readonly string[] {
  const sql = lines.filter(isSqlLine);
  if (sql.every(shows)) return lines.map((line) => (isSqlLine(line) ? line : escapeForDisplay(line)));
  const first = lines.findIndex(isSqlLine);
  return lines.flatMap((line, i) =>
    !isSqlLine(line) ? [escapeForDisplay(line)] : i === first ? [SQL_OMITTED_NOTE] : [],
  );
}

/** Cuts text without splitting an entity or a surrogate pair. */
export const truncateEscaped = (text: string, longest: number): string =>
  text.length <= longest ? text : `${text.slice(0, longest - 1).replace(/&\w{0,3}$|[\ud800-\udbff]$/, '')}…`;
