/** Reads the reports of the passes: who is left alive after both. */
import { existsSync, readFileSync } from 'node:fs';

export const reportOf = (room, pass) => `test/mutation/reports/${room}-${pass}.json`;

const ALIVE = new Set(['Survived', 'NoCoverage']);

function mutantsOf(room, pass) {
  if (!existsSync(reportOf(room, pass))) return [];
  const { files } = JSON.parse(readFileSync(reportOf(room, pass), 'utf8'));
  return Object.entries(files).flatMap(([file, { mutants, source }]) =>
    mutants.map((mutant) => ({ ...mutant, file, source, range: rangeOf(file, mutant) })),
  );
}

/** As Stryker's `mutate` takes it: columns from 0, while a report counts them from 1. */
const rangeOf = (file, { location: { start, end } }) =>
  `${file}:${start.line}:${start.column - 1}-${end.line}:${end.column - 1}`;

const keyOf = ({ range, mutatorName, replacement }) => `${range} ${mutatorName} ${replacement}`;

export const rangesOfSurvivors = (room) => [
  ...new Set(
    mutantsOf(room, 1)
      .filter(({ status }) => ALIVE.has(status))
      .map(({ range }) => range),
  ),
];

/** Every mutant of the first pass that was tried, with its status after both. */
export function mutantsAfter(room) {
  const second = new Map(mutantsOf(room, 2).map((mutant) => [keyOf(mutant), mutant.status]));
  return mutantsOf(room, 1)
    .filter(({ status }) => status !== 'Ignored')
    .map((mutant) => {
      const again = ALIVE.has(mutant.status) ? second.get(keyOf(mutant)) : undefined;
      const status = again === undefined || again === 'NoCoverage' ? mutant.status : again;
      return { ...mutant, status, alive: ALIVE.has(status) };
    });
}

/** A line a survivor: place, what was put in the place of what. */
export const describe = ({ file, location: { start, end }, source, mutatorName, replacement, status }) => {
  const lines = source.split('\n').slice(start.line - 1, end.line);
  lines[lines.length - 1] = lines.at(-1).slice(0, end.column - 1);
  lines[0] = lines[0].slice(start.column - 1);
  const short = (text) => text.replace(/\s+/g, ' ').slice(0, 100);
  return `${file}:${start.line}:${start.column} ${status} ${mutatorName}: ${short(lines.join(' '))} → ${short(replacement ?? '')}`;
};
