/** Styles for terminals; plain text where styles would not be displayed. */
import { styleText } from 'node:util';

const STYLES = ['bold', 'dim', 'red', 'green', 'yellow', 'cyan'] as const;

export type Colors = Readonly<Record<(typeof STYLES)[number], (text: string) => string>>;

/**
 * Returns functions that color text.
 * @param enabled decided by the caller, because `styleText` would check standard output whatever stream is written to
 */
export const createColors = (enabled: boolean): Colors =>
  Object.fromEntries(
    STYLES.map((style) => [
      style,
      (text: string) => (enabled ? styleText(style, text, { validateStream: false }) : text),
    ]),
  ) as unknown as Colors;
