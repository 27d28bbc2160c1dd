/** Findings that somebody accepted, each with a reason: a file of lines `id object  # reason`. Pure. */
import type { Accepted } from '../../lambda/contract/audit';
import { AUDIT_KINDS } from '../../lambda/defects';

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

export const ACCEPT_EXAMPLE =
  'A line is for example: index-lost public.orders  # reports moved to the warehouse';

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
