/** Shows text from the database so that copying it gives the exact text, and makes invisible characters visible. */
import { toSingleLine } from '../../../lambda/audit/suppressions';
import { type Html, html, raw } from './tag';

/** Control, bidirectional and zero-width characters, except tab and line feed. */
const HIDDEN_CHARACTERS =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it is about
  /([\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\u{e0000}-\u{e007f}])/u;

/** Shows text with its line breaks. A bidirectional character affects only its own element. */
export const renderExact = (text: string): readonly Html[] =>
  text.split(HIDDEN_CHARACTERS).map((part, i) => (i % 2 === 0 ? html`${part}` : renderHiddenCharacter(part)));

/** Shows text on one line, in the form that `--suppressions` uses. */
export const renderExactLine = (text: string): readonly Html[] => renderExact(toSingleLine(text));

function renderHiddenCharacter(char: string): Html {
  const code = char.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0');
  // An HTML parser would convert a literal carriage return to a line feed.
  const inside = char === '\r' ? raw('&#13;') : char;
  return html`<bdi class="hidden" data-code="U+${code}" title="Character U+${code}">${inside}</bdi>`;
}
