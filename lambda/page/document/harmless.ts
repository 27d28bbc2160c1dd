/**
 * Names come out of a database and may hold anything: characters that move a terminal's cursor, turn the direction of
 * text, show as nothing, or are markup where the page ends up. They are shown as what they are, `\u{202e}`.
 */

/** Controls, line separators, invisible characters and marks of direction. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\u2800\u3164\u115f\u1160\uffa0]/gu;
/**
 * `<!here>`, `<@U024BE7LH>`, `<b>`: a mention in a chat, a tag in a mail. `@here`: a mention too. `[x](…)` and `…://`: a
 * link.
 */
const MARKUP = /<(?=[!@#/A-Za-z])|(?<![\w.])@(?=\w)|\](?=\()|:(?=\/\/)/g;

const escaped = (character: string): string => `\\u{${character.codePointAt(0)!.toString(16)}}`;

/** For a name, and for sentences that hold one. */
export const harmless = (text: string): string => harmlessSql(text).replace(MARKUP, escaped);

/** For SQL, where `<` is an operator. */
export const harmlessSql = (text: string): string => text.replace(INVISIBLE, escaped);

const SQL_LINE = /^ {4}(?=\S)/;
export const isSql = (line: string): boolean => SQL_LINE.test(line);

/** What stands in place of SQL that would not arrive as it has to be typed. */
export const SQL_ELSEWHERE =
  'The SQL is in the page that goes to the topic: it would not be shown here as it has to be typed.';

/**
 * Lines with SQL among them, for where `<`, `@` and links are markup: all of the SQL, or none of it.
 * @param shows whether a line of SQL is shown there as it has to be typed
 */
export function withoutMarkup(
  lines: readonly string[],
  shows: (sql: string) => boolean = (sql) => harmless(sql) === sql,
): readonly string[] {
  const sql = lines.filter(isSql);
  if (sql.every(shows)) return lines.map((line) => (isSql(line) ? line : harmless(line)));
  const first = lines.findIndex(isSql);
  return lines.flatMap((line, i) => (!isSql(line) ? [harmless(line)] : i === first ? [SQL_ELSEWHERE] : []));
}

/** Not within an entity or a surrogate pair. */
export const cut = (text: string, longest: number): string =>
  text.length <= longest ? text : `${text.slice(0, longest - 1).replace(/&\w{0,3}$|[\ud800-\udbff]$/, '')}…`;
