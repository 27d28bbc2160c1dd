/** Prints what the pending migrations mean for the application's statements. */
import type { WorkloadPlan } from '../../report/plan-document';
import { formatCount, printHanging, type Terminal } from './terminal';

const MAX_SHOWN = 5;
const MAX_TEXT_LENGTH = 120;

export function printWorkloadPlan(
  { out }: Terminal,
  { statements, plan, failing, undecided, touched, live = null }: WorkloadPlan,
  title = 'workload',
): void {
  const now = title === 'workload' ? ' now' : '';
  const open = Object.values(undecided).reduce((sum, count) => sum + count, 0);
  out.line();
  out.line(
    `${out.colors.bold(title)}: ${formatCount(statements, 'statement')}, ${plan} ${plan === 1 ? 'plans' : 'plan'}, ` +
      `${failing.length === 0 ? 'none' : failing.length} ${failing.length === 1 ? 'fails' : 'fail'}${now}, ${open === 0 ? 'none' : open} undecided.`,
  );
  const some = <T>(all: readonly T[], line: (each: T) => string): void => {
    for (const each of all.slice(0, MAX_SHOWN)) printHanging(out, '  - ', line(each));
    if (all.length > MAX_SHOWN) out.line(`  - and ${all.length - MAX_SHOWN} more; --json lists them all.`);
  };
  some(
    failing,
    ({ text, sqlstate, why }) => `fails${now} [SQLSTATE ${sqlstate}]: ${truncateText(text)}: ${why}`,
  );
  for (const [why, count] of Object.entries(undecided))
    printHanging(out, '  - ', `undecided: ${count} × ${why}`);
  for (const { migration, notAnalyzed, statements: those } of touched) {
    const more = notAnalyzed ? '; it also contains code that cannot be analyzed' : '';
    out.line(`${migration} affects ${those.length === 0 ? 'none' : those.length} of them${more}.`);
    some(those, ({ text, role, calls }) => {
      const who = [role && `role ${role}`, calls === null ? '' : formatCount(calls, 'call')].filter(Boolean);
      return `${truncateText(text)}${who.length > 0 ? ` (${who.join(', ')})` : ''}`;
    });
  }
  if (live !== null)
    printHanging(out, '', `Live statements that are not in the workload are not guarded: ${live}.`);
}

const truncateText = (text: string): string =>
  text.length > MAX_TEXT_LENGTH ? `${text.slice(0, MAX_TEXT_LENGTH)}…` : text;
