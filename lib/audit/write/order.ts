/** The order in which parts are deployed. Pure. */
import { key } from '../../../lambda/audit/names';
import { qualifiedNames } from './names';
import { type Part, PHASES } from './part';

/** What comes before a part. */
type Before = ReadonlyMap<Part, Set<Part>>;

/** By phase; and before that whatever makes what a part names. */
export function ordered(parts: readonly Part[]): readonly Part[] {
  const sorted = [...parts].sort((a, b) => PHASES.indexOf(a.phase) - PHASES.indexOf(b.phase));
  const before = needsOf(sorted);
  const done = new Set<Part>();
  const result: Part[] = [];
  const visit = (part: Part): void => {
    if (done.has(part)) return;
    done.add(part);
    for (const needed of before.get(part) ?? []) visit(needed);
    result.push(part);
  };
  for (const part of sorted) visit(part);
  return result;
}

function needsOf(parts: readonly Part[]): Before {
  const makers = new Map<string, Part[]>();
  for (const part of parts)
    for (const made of part.makes ?? []) makers.set(made, [...(makers.get(made) ?? []), part]);
  const namesIn = (text: string): ReadonlySet<string> =>
    new Set([...qualifiedNames(text)].map((path) => key(...path)));

  const before = new Map(parts.map((part) => [part, new Set<Part>()]));
  const likely: (readonly [part: Part, maker: Part])[] = [];
  for (const part of parts) {
    for (const name of namesIn(part.needs ?? part.up.join('\n'))) {
      const all = makers.get(name) ?? [];
      for (const maker of all) {
        // Its own name: a table is made before a function of the same name, whose argument or result it may be.
        const isOwn = part.phase === 'table' && part.makes?.includes(name);
        if (maker === part || (isOwn && maker.phase === 'function')) continue;
        // A name does not tell which of several functions is called, nor a function from a sequence.
        if (all.length > 1) likely.push([part, maker]);
        else before.get(part)!.add(maker);
      }
    }
    for (const name of namesIn(part.calls ?? ''))
      for (const maker of makers.get(name) ?? []) likely.push([part, maker]);
  }
  // Nothing that is only likely stands against what is sure.
  for (const [part, maker] of likely) if (!isBefore(before, part, maker)) before.get(part)!.add(maker);
  return before;
}

function isBefore(before: Before, part: Part, other: Part): boolean {
  const seen = new Set([other]);
  for (const each of seen) {
    if (each === part) return true;
    for (const needed of before.get(each) ?? []) seen.add(needed);
  }
  return false;
}
