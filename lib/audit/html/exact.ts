/** Text of the database: copied as it is, and what cannot be seen in it made visible. */
import { oneLine } from '../../../lambda/audit/accepted';
import { type Html, html, raw } from './tag';

/** Control characters, those that turn the direction of text, and those without width; no tab and no line feed. */
const HIDDEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it is about
  /([\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\u{e0000}-\u{e007f}])/u;

/** With its lines. A character that turns the direction of text acts within its own element alone. */
export const exact = (text: string): readonly Html[] =>
  text.split(HIDDEN).map((part, i) => (i % 2 === 0 ? html`${part}` : hidden(part)));

/** On one line, as `--accept` has it. */
export const line = (text: string): readonly Html[] => exact(oneLine(text));

function hidden(char: string): Html {
  const code = char.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0');
  // A parser of HTML would make a line feed of it.
  const inside = char === '\r' ? raw('&#13;') : char;
  return html`<bdi class="hidden" data-code="U+${code}" title="Character U+${code}">${inside}</bdi>`;
}
