/** What is said of promised statements. Pure: the server's answers hold numbers, codes and names alone. */

import { type ErrorInfo, TrueupError } from '../../contract/errors';
import type { Migration } from '../../contract/manifest';
import type { BrokenPromise, WorkloadReport } from '../../contract/workload';
import { FAILURES, UNDECIDED, WORSE, WOULD_FAIL } from '../../workload/words';
import { fingerprintOf } from '../sql/live';

/** A promised statement, as the server hands it out. */
export interface Named {
  /** Shortened. */
  readonly text: string;
  readonly role: string | null;
  readonly calls: number | null;
  /** What has become of it, in codes. */
  readonly state?: string | null;
  readonly why?: string | null;
  /** Of a live one, whose text stays in the database. */
  readonly fingerprint?: string;
  /** It was not seen to run since the last deployment. */
  readonly idle?: boolean;
  /** Of an undecided one: what is not known. */
  readonly reason?: string | null;
  readonly relation?: string | null;
  readonly object?: string | null;
  /** Types, where one has changed. */
  readonly was?: string | null;
  readonly is?: string | null;
}

type Described = Pick<BrokenPromise, 'text' | 'role' | 'calls' | 'sqlstate' | 'why'>;

export const inWords = ({ text, role, calls, state, why, reason, ...about }: Named): Described => {
  const words =
    (reason ? (UNDECIDED[reason] ?? WORSE[reason]) : WORSE[why ?? '']) ??
    (why === 'would-fail' ? WOULD : FAILURES)[state ?? ''];
  return {
    text,
    role,
    calls,
    sqlstate: state ?? null,
    why: `${words ?? 'it no longer plans'}${place(about)}`,
  };
};

function place({ relation, object, was, is }: Pick<Named, 'relation' | 'object' | 'was' | 'is'>): string {
  if (was && is) return ` (${was}, now ${is})`;
  const names = [relation, object].filter(Boolean).join(': ');
  return names && ` (${names})`;
}

const WOULD: Readonly<Record<string, string>> = WOULD_FAIL;

const plural = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

/** `INSERT INTO … (role app, 1,204 calls): no unique index … [SQLSTATE 42P10]` */
function describe({ text, role, calls, sqlstate, why }: Described): string {
  const ran =
    calls === null ? undefined : `${calls.toLocaleString('en')} ${calls === 1 ? 'call' : 'calls'} seen`;
  const who = [role === null ? undefined : `role ${role}`, ran].filter(Boolean).join(', ');
  return `${text}${who && ` (${who})`}: ${why}${sqlstate === null ? '' : ` [SQLSTATE ${sqlstate}]`}`;
}

const details = (count: number, named: readonly Named[]): string[] => [
  ...named.map(inWords).map(describe),
  ...(count > named.length ? [`and ${count - named.length} more`] : []),
  ...(named.some(({ fingerprint }) => fingerprint) ? [LOOK_UP] : []),
];

const LOOK_UP = `a live statement stands in no workload file; this shows its text: SELECT query FROM pg_stat_statements WHERE ${fingerprintOf('query')} = '<fingerprint>'`;

const TWO_STEPS =
  'Make it two deployments: add what the new application needs; once that runs, take away what only the old one needed. ' +
  'To break it knowingly: `-- migrate:consent breaks <why>`.';

/** @param index the statement outside a transaction that was not begun; null for what is in one */
export function breaksRunning(
  migration: Migration,
  count: number,
  named: readonly Named[],
  index: number | null,
): TrueupError {
  const statement = index === null ? undefined : migration.statements[index];
  const kept = statement ? 'It was not run.' : 'Nothing of it was kept.';
  return new TrueupError({
    code: 'workload',
    migration: migration.name,
    file: migration.file,
    ...(statement ? { statement: index! + 1, line: statement.line } : {}),
    message: `${plural(count, 'statement')} that the running application sends would no longer work`,
    remedy: `${kept} ${TWO_STEPS}`,
    ...(named[0]?.state ? { sqlstate: named[0].state } : {}),
    details: details(count, named),
  });
}

export function breaksDeployed(
  count: number,
  named: readonly (Named & { readonly migration?: string | null })[],
): ErrorInfo {
  const migration = named.find((each) => each.migration)?.migration;
  return {
    code: 'workload',
    ...(migration ? { migration } : {}),
    message: `${plural(count, 'statement')} of the new workload ${count === 1 ? 'does' : 'do'} not plan after the last migration`,
    remedy:
      'Add what is missing in a migration, or correct the statement and the workload file, and deploy again.',
    ...(named[0]?.state ? { sqlstate: named[0].state } : {}),
    details: details(count, named),
  };
}

const BECAUSE: Readonly<Record<BrokenPromise['as'], string>> = {
  consent: 'was broken with consent',
  outside: 'was broken outside a transaction, which could not be taken back',
  before: 'did not plan before this deployment either',
  warning: 'still plans, but not as before',
  idle: 'that ran before the last deployment, and was not seen to run since, would no longer work',
  undecided: 'planned before, and whether it still does cannot be told',
};

/** For a person who reads no JSON. */
export function warningsOf({ broken, notGuarded }: WorkloadReport): string[] {
  const cut = Object.entries(notGuarded).map(([why, count]) => `${count}: ${UNDECIDED[why]}`);
  return [
    ...broken.map(
      (each) => `${each.migration ?? 'workload'}: a statement ${BECAUSE[each.as]}: ${describe(each)}`,
    ),
    ...(cut.length > 0
      ? [`before a commit, some statements were not planned again (${cut.join('; ')})`]
      : []),
  ];
}
