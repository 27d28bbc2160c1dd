/** What docs/workload.md lists, and `changes.ts` plays on real servers. */
import type { Change } from './change';
import { RIGHTS } from './rights';
import { STRUCTURE } from './structure';
import { TYPES } from './types';
import { UNSEEN } from './unseen';

export const CHANGES: readonly Change[] = [...STRUCTURE, ...TYPES, ...RIGHTS, ...UNSEEN];

const SEEN: readonly [RegExp, string][] = [
  [/^refuses by plan: fails (.*)/, 'by the plan: $1'],
  [/^refuses by plan: would-fail (.*)/, 'by the plan: would fail $1'],
  [/^refuses by type: parameter/, 'by the type of a parameter'],
  [/^refuses by type: result/, 'by the type of a result (16 on)'],
  [/^warns by type: row/, 'told, not refused: the row has other types (16 on)'],
  [/^warns by type: column/, 'told, not refused: the column holds less'],
  [/^warns by type: overload/, 'told, not refused: a parameter has another type'],
  [/^refuses by privilege.*/, 'by the privileges of its role'],
  [/^refuses by row-security.*/, 'by row security'],
  [/^warns by row-security.*/, 'told, not refused: policies decide which rows'],
  [/^warns by plan: typed/, 'told, not refused: only the types of its values would tell'],
  [/^warns by plan: unnumbered/, 'told, not refused: a column that got its number from a sequence gets none'],
  [/^warns by plan: sequence/, 'told, not refused: a sequence is gone, and which it names is not known'],
];

/** As docs/workload.md lists it. */
export function rowOf({ what, verdict, runs, prepared = runs }: Change): string {
  const outcome = (code: string): string => (code === 'ok' || code === 'rows' ? 'runs' : code);
  const truth = /no-policy/.test(verdict) && runs === 'ok' ? 'no rows' : outcome(runs);
  const both =
    outcome(prepared) === outcome(runs) ? truth : `${truth}; ${outcome(prepared)} if prepared before`;
  const broken = both !== 'runs';
  const rule = SEEN.find(([pattern]) => pattern.test(verdict));
  const seen = rule ? verdict.replace(...rule) : broken ? '**cannot see**' : 'nothing to see';
  return `| ${what} | ${seen} | ${both} |`;
}
