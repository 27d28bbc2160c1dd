/** Measures text in a monospaced font. A browser's own measurement is not available when the page is written. */
import { toSingleLine } from '../../../lambda/audit/suppressions';

/** Returns the width in character cells; East Asian characters and emoji take two. */
export const measureWidth = (text: string): number =>
  [...text].reduce((sum, char) => sum + (char.codePointAt(0)! >= 0x1100 ? 2 : 1), 0);

/** Returns the text on one line, shortened to `most` characters. */
export function truncateText(text: string, most = 30): string {
  const letters = [...toSingleLine(text)];
  return letters.length > most ? `${letters.slice(0, most - 1).join('')}…` : letters.join('');
}
