/** What a run did, over all its slices: from the ledger as it was found, and what this slice added. Pure. */

import type { Report } from '../../contract/converge';
import type { Ledger } from '../ledger/ledger';
import type { Run } from '../run';
import type { ForwardPlan } from './plan';

export function reportOf(ledger: Ledger | null, run: Run | null, plan?: ForwardPlan): Report {
  const deployment = run?.names.deployment;
  const undoneEarlier = (ledger?.migrations ?? [])
    .filter((row) => row.state === 'undone' && row.deployment === deployment)
    .map((row) => row.name);
  const undone = new Set([...undoneEarlier, ...(run?.undone ?? [])]);
  const finished = run?.finished ?? new Set<string>();
  const done = new Set([
    ...(run?.applied ?? []),
    ...(run?.baselined ?? []),
    ...(run?.accepted ?? []),
    ...(run?.acceptedLater ?? []),
    ...finished,
  ]);
  const rows = (ledger?.migrations ?? []).filter((row) => row.state !== 'undone' && !undone.has(row.name));
  const earlier = rows.filter(
    (row) => row.deployment === deployment && (row.state === 'applied' || finished.has(row.name)),
  );
  const names = (which: boolean) => earlier.filter((row) => row.baselined === which).map((row) => row.name);
  const applied = [...new Set([...names(false), ...(run?.applied ?? [])])];
  const versioned = [...rows.filter((row) => row.state === 'applied').map((row) => row.name), ...done].filter(
    (name) => /^\d/.test(name),
  );
  return {
    applied,
    unproved: (run?.manifest.migrations ?? [])
      .filter((m) => m.unproved !== null && applied.includes(m.name))
      .map((m) => m.name),
    baselined: [...new Set([...names(true), ...(run?.baselined ?? [])])],
    ...(run && run.accepted.size > 0 ? { accepted: [...run.accepted] } : {}),
    ...(run && run.acceptedLater.size > 0 ? { acceptedLater: [...run.acceptedLater] } : {}),
    undone: [...undone],
    kept: run?.kept ?? [],
    pending: (plan?.steps ?? []).map((step) => step.migration.name).filter((name) => !done.has(name)),
    position: versioned.reduce(
      (newest, name) => (newest === '' || isNewer(name, newest) ? name : newest),
      '',
    ),
    warnings: [...(plan?.warnings ?? []), ...(run?.warnings ?? [])],
  };
}

const number = (name: string): bigint => BigInt(name.match(/^\d+/)?.[0] ?? 0);
const isNewer = (a: string, b: string): boolean => number(a) > number(b);
