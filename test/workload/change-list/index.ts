/** What docs/workload-changes.md lists, and `changes.ts` plays on real servers. */
import { BEHIND } from './behind';
import type { Change } from './change';
import { COLUMNS } from './columns';
import { RIGHTS } from './rights';
import { STRUCTURE } from './structure';
import { TYPES } from './types';
import { UNSEEN } from './unseen';

export const CHANGES: readonly Change[] = [
  ...STRUCTURE,
  ...COLUMNS,
  ...TYPES,
  ...RIGHTS,
  ...BEHIND,
  ...UNSEEN,
];

const SEEN: readonly [RegExp, string][] = [
  [/^refuses by plan: fails (.*)/, 'by the plan: $1'],
  [/^refuses by plan: unpopulated.*/, 'by the plan: a materialized view has no data'],
  [/^refuses by plan: unidentified.*/, 'by the plan: no replica identity'],
  [/^refuses by path.*/, 'by the search path'],
  [/^warns by type: parameter/, 'warning: a parameter has another type'],
  [/^warns by type: length/, 'warning: a column has another length'],
  [/^warns by type: label/, 'warning: a value may be the label'],
  [/^warns by type: prepared/, 'warning: the type was created again'],
  [/^refuses by plan: would-fail (.*)/, 'by the plan: would fail $1'],
  [/^refuses by plan: nothing/, 'by the plan: nothing would be done'],
  [/^refuses by type: parameter/, 'by the type of a parameter'],
  [/^refuses by type: result/, 'by the type of a result (16 on)'],
  [/^warns by type: row/, 'warning: the row has other types (16 on)'],
  [/^warns by type: column/, 'warning: the column holds less'],
  [/^warns by type: overload/, 'warning: a parameter has another type'],
  [/^refuses by privilege.*/, 'by the privileges of its role'],
  [/^refuses by lost-row-security.*/, 'by row security'],
  [/^refuses by row-security.*/, 'by row security'],
  [/^refuses by columns: returned/, 'by the names that it returns'],
  [/^refuses by columns: fills/, 'by the columns that it fills'],
  [/^refuses by columns: placed/, 'by the order of columns'],
  [/^warns by row-security.*/, 'warning: policies decide which rows its role sees'],
  [/^warns by plan: typed/, 'warning: it depends on the types of its values'],
  [/^warns by plan: unnumbered/, 'warning: a column that got its number from a sequence no longer gets one'],
  [/^warns by plan: sequence/, 'warning: a sequence is missing, and the statement may name it'],
];

/** As docs/workload-changes.md lists it. */
export function rowOf({ what, verdict, runs, prepared = runs }: Change): string {
  const outcome = (code: string): string => (code === 'ok' || code === 'rows' ? 'runs' : code);
  const truth = /no-policy/.test(verdict) && runs === 'ok' ? 'no rows' : outcome(runs);
  const both =
    outcome(prepared) === outcome(runs) ? truth : `${truth}; ${outcome(prepared)} if prepared before`;
  const broken = both !== 'runs';
  const rule = SEEN.find(([pattern]) => pattern.test(verdict));
  const seen = rule ? verdict.replace(...rule) : broken ? '**cannot see**' : 'no difference';
  return `| ${what} | ${seen} | ${both} |`;
}
