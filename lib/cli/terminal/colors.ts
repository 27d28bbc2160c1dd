/** Colours for people; plain text where nobody would see them as such. */
import { styleText } from 'node:util';

const STYLES = ['bold', 'dim', 'red', 'green', 'yellow', 'cyan'] as const;

export type Colors = Readonly<Record<(typeof STYLES)[number], (text: string) => string>>;

/** @param enabled decided by the caller: `styleText` would look at standard output, whatever is written to */
export const colorsOf = (enabled: boolean): Colors =>
  Object.fromEntries(
    STYLES.map((style) => [
      style,
      (text: string) => (enabled ? styleText(style, text, { validateStream: false }) : text),
    ]),
  ) as unknown as Colors;
