/**
 * Names come out of a database and may hold anything: characters that move a terminal's cursor, turn the direction of
 * text, show as nothing, or are markup where the page ends up. They are shown as what they are, `\u{202e}`.
 */

/** Controls, line separators, invisible characters and marks of direction. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\u2800\u3164\u115f\u1160\uffa0]/gu;
/** `<!here>`, `<@U024BE7LH>`, `<b>`: a mention in a chat, a tag in a mail. */
const MARKUP = /<(?=[!@#/A-Za-z])/g;

const escaped = (character: string): string => `\\u{${character.codePointAt(0)!.toString(16)}}`;

/** For a name, and for sentences that hold one. */
export const harmless = (text: string): string => harmlessSql(text).replace(MARKUP, escaped);

/** For SQL, where `<` is an operator. */
export const harmlessSql = (text: string): string => text.replace(INVISIBLE, escaped);
