/** Reads Stryker's report of a room: who survived, and the score. */
import { readFileSync } from 'node:fs';
import { NOT_IN_SAMPLE } from './sample.mjs';

export const reportOf = (room) => `test/mutation/reports/${room}.json`;

const ALIVE = new Set(['Survived', 'NoCoverage']);

/** A line a survivor, with its place and what stood in the place of what; the score last. */
export function report(room) {
  const { files } = JSON.parse(readFileSync(reportOf(room), 'utf8'));
  const mutants = Object.entries(files)
    .flatMap(([file, { mutants, source }]) => mutants.map((mutant) => ({ ...mutant, file, source })))
    .filter(({ status, statusReason }) => status !== 'Ignored' && statusReason !== NOT_IN_SAMPLE);
  const alive = mutants.filter(({ status }) => ALIVE.has(status));
  const killed = mutants.length - alive.length;
  const score = ((100 * killed) / mutants.length).toFixed(1);
  return [...alive.map(line), `${room}: ${mutants.length} mutants, ${killed} killed, ${score} %`].join('\n');
}

const line = ({ file, location, source, mutatorName, replacement, status }) =>
  `${file}:${location.start.line}:${location.start.column} ${status} ${mutatorName}: ${short(textAt(source, location))} → ${short(replacement ?? '')}`;

/** Lines and columns count from 1. */
function textAt(source, { start, end }) {
  const lines = source.split('\n').slice(start.line - 1, end.line);
  lines[lines.length - 1] = lines.at(-1).slice(0, end.column - 1);
  lines[0] = lines[0].slice(start.column - 1);
  return lines.join(' ');
}

const short = (text) => text.replace(/\s+/g, ' ').slice(0, 100);
