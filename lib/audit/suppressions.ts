/** Reads the suppressions file. Each line has the form `id object  # reason`. Pure. */
import type { Suppression } from '../../lambda/contract/audit-findings';
import { AUDIT_KINDS } from '../../lambda/defects';

/** Reports a line that cannot be read. */
export class SuppressionsFileProblem extends Error {
  override readonly name = 'SuppressionsFileProblem';
  constructor(
    message: string,
    readonly line: number,
  ) {
    super(message);
  }
}

export const SUPPRESSION_EXAMPLE =
  'A line is for example: missing-index public.orders  # reports moved to the warehouse';

/** Matches one line. A quoted name may contain anything, including `#` and spaces. */
const SUPPRESSION_LINE =
  /^(?<id>\S+)\s+(?<object>(?:"(?:[^"]|"")*"|[^"#\s])(?:(?:"(?:[^"]|"")*"|[^"#])*(?:"(?:[^"]|"")*"|[^"#\s]))?)\s+#\s*(?<reason>\S.*)$/;

/**
 * Parses the suppressions.
 * @throws {SuppressionsFileProblem} with the first line that cannot be read
 */
export function parseSuppressions(text: string): readonly Suppression[] {
  return text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .flatMap((content, i): Suppression[] => {
      const line = i + 1;
      const trimmed = content.trim();
      if (trimmed === '' || trimmed.startsWith('#')) return [];
      const { id, object, reason } = SUPPRESSION_LINE.exec(trimmed)?.groups ?? {};
      if (id === undefined)
        throw new SuppressionsFileProblem(
          'expected `id object # reason`; each suppression needs a reason',
          line,
        );
      if (!AUDIT_KINDS.some((kind) => kind.id === id))
        throw new SuppressionsFileProblem(`there is no check ${id}`, line);
      return [{ id, object: object!, reason: reason!, line }];
    });
}
