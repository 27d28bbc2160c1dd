/** Sorts repair steps in the order in which they are deployed. Pure. */
import { joinKey } from '../../../lambda/audit/names';
import { listQualifiedNames } from './names';
import { PHASES, type RepairStep } from './repair-step';

/** The steps that must come before a step. */
type Predecessors = ReadonlyMap<RepairStep, Set<RepairStep>>;

/** Sorts by phase, and moves a step that creates an object before the steps that name it. */
export function orderSteps(parts: readonly RepairStep[]): readonly RepairStep[] {
  const sorted = [...parts].sort((a, b) => PHASES.indexOf(a.phase) - PHASES.indexOf(b.phase));
  const before = findPredecessors(sorted);
  const done = new Set<RepairStep>();
  const result: RepairStep[] = [];
  const visit = (part: RepairStep): void => {
    if (done.has(part)) return;
    done.add(part);
    for (const needed of before.get(part) ?? []) visit(needed);
    result.push(part);
  };
  for (const part of sorted) visit(part);
  return result;
}

export function findPredecessors(parts: readonly RepairStep[]): Predecessors {
  const makers = new Map<string, RepairStep[]>();
  for (const part of parts)
    for (const made of part.makes ?? []) makers.set(made, [...(makers.get(made) ?? []), part]);
  const findNames = (text: string): ReadonlySet<string> =>
    new Set([...listQualifiedNames(text)].map((path) => joinKey(...path)));

  const before = new Map(parts.map((part) => [part, new Set<RepairStep>()]));
  const likely: (readonly [part: RepairStep, maker: RepairStep])[] = [];
  for (const part of parts) {
    for (const name of findNames(part.needs ?? part.up.join('\n'))) {
      const all = makers.get(name) ?? [];
      for (const maker of all) {
        // A table comes before a function of the same name, which may have the table's row type as argument or result.
        const isOwn = part.phase === 'table' && part.makes?.includes(name);
        if (maker === part || (isOwn && maker.phase === 'function')) continue;
        // If several objects have this name (overloaded functions, a sequence), it is unknown which one is meant.
        if (all.length > 1) likely.push([part, maker]);
        else before.get(part)!.add(maker);
      }
    }
    for (const name of findNames(part.calls ?? ''))
      for (const maker of makers.get(name) ?? []) likely.push([part, maker]);
  }
  // A likely dependency is ignored if it contradicts a certain one.
  for (const [part, maker] of likely) if (!isBefore(before, part, maker)) before.get(part)!.add(maker);
  return before;
}

function isBefore(before: Predecessors, part: RepairStep, other: RepairStep): boolean {
  const seen = new Set([other]);
  for (const each of seen) {
    if (each === part) return true;
    for (const needed of before.get(each) ?? []) seen.add(needed);
  }
  return false;
}
