/** How wide text of one letter width is. A browser's own measure is not known when a page is written. */
import { oneLine } from '../../../lambda/audit/accepted';

/** Letters of East Asia and emoji take two. */
export const cells = (text: string): number =>
  [...text].reduce((sum, char) => sum + (char.codePointAt(0)! >= 0x1100 ? 2 : 1), 0);

/** On one line, and cut where it is longer. */
export function short(text: string, most = 30): string {
  const letters = [...oneLine(text)];
  return letters.length > most ? `${letters.slice(0, most - 1).join('')}…` : letters.join('');
}
