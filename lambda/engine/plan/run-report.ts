/** Builds the report of a run over all its slices, from the ledger as it was found and what this slice added. Pure. */

import type { ConvergeReport } from '../../contract/converge';
import type { Ledger } from '../ledger/ledger';
import type { Run } from '../run';
import { type ForwardPlan, listRenamesToVerify } from './plan';
import { describeRename } from './renamed-files';

/** Builds the report. @param since migrations applied from this time on count as well, whichever run applied them */
export function buildReport(
  ledger: Ledger | null,
  run: Run | null,
  plan?: ForwardPlan,
  since: string | undefined = run?.begunAt,
): ConvergeReport {
  const deployment = run?.names.deployment;
  const undoneEarlier = (ledger?.migrations ?? [])
    .filter((row) => row.state === 'undone' && row.deployment === deployment)
    .map((row) => row.name);
  const undone = new Set([...undoneEarlier, ...(run?.undone ?? [])]);
  const finished = run?.finished ?? new Set<string>();
  const done = new Set([
    ...(run?.applied ?? []),
    ...(run?.baselined ?? []),
    ...(run?.recordedEdits ?? []),
    ...(run?.approvedEdits ?? []),
    ...finished,
  ]);
  const rows = (ledger?.migrations ?? []).filter((row) => row.state !== 'undone' && !undone.has(row.name));
  const earlier = rows.filter(
    (row) =>
      (row.deployment === deployment || (since !== undefined && isAtOrAfter(row.appliedAt, since))) &&
      (row.state === 'applied' || finished.has(row.name)),
  );
  const names = (which: boolean) => earlier.filter((row) => row.baselined === which).map((row) => row.name);
  const applied = [...new Set([...names(false), ...(run?.applied ?? [])])];
  const versioned = [...rows.filter((row) => row.state === 'applied').map((row) => row.name), ...done].filter(
    (name) => /^\d/.test(name),
  );
  const notRecorded = run
    ? listRenamesToVerify(plan?.steps ?? [])
        .filter(({ to }) => !done.has(to))
        .map(describeRename)
    : [];
  const warnings = [
    ...(ledger?.renames ?? []).filter((rename) => rename.deployment === deployment).map(describeRename),
    ...(plan?.warnings ?? []).filter((warning) => !notRecorded.includes(warning)),
    ...(run?.warnings ?? []),
  ];
  return {
    applied,
    withoutVerify: (run?.manifest.migrations ?? [])
      .filter((m) => m.withoutVerify !== null && applied.includes(m.name))
      .map((m) => m.name),
    baselined: [...new Set([...names(true), ...(run?.baselined ?? [])])],
    ...(run && run.recordedEdits.size > 0 ? { recordedEdits: [...run.recordedEdits] } : {}),
    ...(run && run.approvedEdits.size > 0 ? { approvedEdits: [...run.approvedEdits] } : {}),
    ...(run?.declared ? { declared: run.declared } : {}),
    undone: [...undone],
    kept: run?.kept ?? [],
    pending: (plan?.steps ?? []).map((step) => step.migration.name).filter((name) => !done.has(name)),
    position: versioned.reduce(
      (newest, name) => (newest === '' || isNewer(name, newest) ? name : newest),
      '',
    ),
    warnings: [...new Set(warnings)],
  };
}

const isAtOrAfter = (at: string, since: string): boolean => Date.parse(at) >= Date.parse(since);
const parseFileNumber = (name: string): bigint => BigInt(name.match(/^\d+/)?.[0] ?? 0);
const isNewer = (a: string, b: string): boolean => parseFileNumber(a) > parseFileNumber(b);
