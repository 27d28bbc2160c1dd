/** Findings, and those of them that somebody has accepted. Pure. */
import type { Accepted } from '../contract/audit';

interface Named {
  readonly id: string;
  readonly object: string;
}

export interface Sorted<F> {
  /** Not accepted. */
  readonly open: readonly F[];
  readonly accepted: readonly (F & { readonly reason: string })[];
  /** Lines that nothing is found of any more. */
  readonly gone: readonly Accepted[];
}

export function sortAccepted<F extends Named>(
  findings: readonly F[],
  accepted: readonly Accepted[],
): Sorted<F> {
  const lineOf = ({ id, object }: F): Accepted | undefined =>
    accepted.find((each) => each.id === id && each.object === oneLine(object));
  return {
    open: findings.filter((each) => lineOf(each) === undefined),
    accepted: findings.flatMap((each) => {
      const line = lineOf(each);
      return line === undefined ? [] : [{ ...each, reason: line.reason }];
    }),
    gone: accepted.filter((line) => !findings.some((each) => lineOf(each) === line)),
  };
}

/** What a name may hold and a line may not: control characters, and those that turn the direction of text. */
export const oneLine = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it is about
  text.replace(/[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, (char) =>
    char === '\n' ? '\\n' : `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
