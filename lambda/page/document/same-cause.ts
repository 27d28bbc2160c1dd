/**
 * Merges errors with the same cause, such as errors on partitions of one table or on one sequence, into one finding
 * named after the diagnosed object. Pure.
 */
import { quoteIdentifier } from '../../sql/quote';
import type { ErrorGroup } from '../logs/collect';
import type { DiagnosedError } from './diagnosed-error';

export interface MergedError extends DiagnosedError {
  /** The groups that were merged. @default - only this one */
  readonly parts?: readonly ErrorGroup[];
}

const MAX_USES = 6;
const MAX_NAMED = 5;

export function mergeSameCause(errors: readonly DiagnosedError[]): readonly MergedError[] {
  const merged = new Map<string, DiagnosedError[]>();
  for (const each of errors) {
    const key = readKey(each);
    merged.set(key, [...(merged.get(key) ?? []), each]);
  }
  return [...merged].map(([key, all]) => (key === all[0]!.group.key ? all[0]! : merge(key, all)));
}

/**
 * Returns the key to merge by. It is the diagnosed object if the message names another table. A duplicate-key message
 * names an index, which differs for each partition that was hit and may differ for each statement, although the cause
 * is the same sequence.
 */
function readKey({ group, diagnosis: { kind, case: which, subject, verdict } }: DiagnosedError): string {
  const { key, signature, database, table, column, constraint } = group;
  if (subject === null) return key;
  const diagnosed = JSON.stringify([signature, database, subject, kind, which]);
  if (table !== null && column !== null)
    return subject.endsWith(`.${quoteIdentifier(table)}.${quoteIdentifier(column)}`) ? key : diagnosed;
  return constraint !== null && kind !== null && verdict === 'schema' ? diagnosed : key;
}

function merge(key: string, all: readonly DiagnosedError[]): MergedError {
  const groups = all.map(({ group }) => group);
  const [{ group, diagnosis }] = all as [DiagnosedError, ...DiagnosedError[]];
  const sum = (of: (each: ErrorGroup) => number): number =>
    groups.reduce((total, each) => total + of(each), 0);
  const uses = new Map<string, { statement: string | null; user: string; count: number }>();
  for (const use of groups.flatMap((each) => each.uses)) {
    const known = uses.get(JSON.stringify([use.user, use.statement]));
    uses.set(JSON.stringify([use.user, use.statement]), { ...use, count: use.count + (known?.count ?? 0) });
  }
  const counted = [...uses.values()].sort((a, b) => b.count - a.count);
  const beyond = counted.slice(MAX_USES).reduce((total, { count }) => total + count, 0);
  const same = readSame(groups);
  return {
    group: {
      ...group,
      key,
      uses: counted.slice(0, MAX_USES),
      otherUses: sum(({ otherUses }) => otherUses) + beyond,
      count: sum(({ count }) => count),
      aborted: sum(({ aborted }) => aborted),
      first: groups.map(({ first }) => first).sort()[0]!,
      last: groups
        .map(({ last }) => last)
        .sort()
        .at(-1)!,
      firstIngestedMs: Math.min(...groups.map(({ firstIngestedMs }) => firstIngestedMs)),
    },
    diagnosis: same === null ? diagnosis : { ...diagnosis, cause: [...diagnosis.cause, same] },
    parts: groups,
  };
}

/** Names the other objects in the messages. Returns null if all messages name the same one. */
function readSame(groups: readonly ErrorGroup[]): string | null {
  const [first, ...others] = [...new Set(groups.map(({ table, constraint }) => table ?? constraint!))];
  if (first === undefined || others.length === 0) return null;
  const further = others.length - MAX_NAMED;
  const named = `${others.slice(0, MAX_NAMED).join(', ')}${further > 0 ? ` and ${further} more` : ''}`;
  const several = others.length > 1;
  return groups[0]!.table === null
    ? `The same error names the ${several ? 'indexes' : 'index'} ${named}.`
    : `The same in its ${several ? 'partitions' : 'partition'} ${named}.`;
}
