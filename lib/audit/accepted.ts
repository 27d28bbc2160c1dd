/** Findings that somebody accepted, each with a reason: a file of lines `id object  # reason`. Pure. */
import { AUDIT_KINDS } from '../../lambda/defects';
import type { AuditFinding } from './findings';

export interface Accepted {
  readonly id: string;
  readonly object: string;
  readonly reason: string;
  readonly line: number;
}

/** A line cannot be read. */
export class AcceptProblem extends Error {
  override readonly name = 'AcceptProblem';
  constructor(
    message: string,
    readonly line: number,
  ) {
    super(message);
  }
}

/** A name in quotes may hold anything, `#` and spaces too. */
const LINE =
  /^(?<id>\S+)\s+(?<object>(?:"(?:[^"]|"")*"|[^"#\s])(?:(?:"(?:[^"]|"")*"|[^"#])*(?:"(?:[^"]|"")*"|[^"#\s]))?)\s+#\s*(?<reason>\S.*)$/;

/** @throws {AcceptProblem} */
export function readAccepted(text: string): readonly Accepted[] {
  return text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .flatMap((content, i): Accepted[] => {
      const line = i + 1;
      const trimmed = content.trim();
      if (trimmed === '' || trimmed.startsWith('#')) return [];
      const { id, object, reason } = LINE.exec(trimmed)?.groups ?? {};
      if (id === undefined)
        throw new AcceptProblem(
          'it is not `id object  # reason`, and each accepted finding needs its reason',
          line,
        );
      if (!AUDIT_KINDS.some((kind) => kind.id === id))
        throw new AcceptProblem(`there is no kind ${id}`, line);
      return [{ id, object: object!, reason: reason!, line }];
    });
}

export interface Sorted {
  /** Not accepted. */
  readonly open: readonly AuditFinding[];
  readonly accepted: readonly (AuditFinding & { readonly reason: string })[];
  /** Lines that nothing is found of any more. */
  readonly gone: readonly Accepted[];
}

export function sortAccepted(findings: readonly AuditFinding[], accepted: readonly Accepted[]): Sorted {
  const lineOf = ({ id, object }: AuditFinding): Accepted | undefined =>
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
