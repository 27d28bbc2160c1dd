/** What the waiting migrations mean for the application's statements, in words. */
import type { WorkloadPlan } from '../../report/plan-document';
import { hang, plural, type Terminal } from './terminal';

const SHOWN = 5;
const TEXT_LENGTH = 120;

export function printWorkloadPlan(
  { out }: Terminal,
  { statements, plan, failing, undecided, touched, live = null }: WorkloadPlan,
  title = 'workload',
): void {
  const now = title === 'workload' ? ' now' : '';
  const open = Object.values(undecided).reduce((sum, count) => sum + count, 0);
  out.line();
  out.line(
    `${out.colors.bold(title)}: ${plural(statements, 'statement')}, ${plan} ${plan === 1 ? 'plans' : 'plan'}, ` +
      `${failing.length === 0 ? 'none' : failing.length} ${failing.length === 1 ? 'fails' : 'fail'}${now}, ${open === 0 ? 'none' : open} undecided.`,
  );
  const some = <T>(all: readonly T[], line: (each: T) => string): void => {
    for (const each of all.slice(0, SHOWN)) hang(out, '  - ', line(each));
    if (all.length > SHOWN) out.line(`  - and ${all.length - SHOWN} more; --json lists them all.`);
  };
  some(failing, ({ text, sqlstate, why }) => `fails${now} [SQLSTATE ${sqlstate}]: ${short(text)}: ${why}`);
  for (const [why, count] of Object.entries(undecided)) hang(out, '  - ', `undecided: ${count} × ${why}`);
  for (const { migration, unseen, statements: those } of touched) {
    const more = unseen ? '; it also holds code that cannot be seen through' : '';
    out.line(`${migration} touches ${those.length === 0 ? 'none' : those.length} of them${more}.`);
    some(those, ({ text, role, calls }) => {
      const who = [role && `role ${role}`, calls === null ? '' : plural(calls, 'call')].filter(Boolean);
      return `${short(text)}${who.length > 0 ? ` (${who.join(', ')})` : ''}`;
    });
  }
  if (live !== null) hang(out, '', `What the database runs beside the workload is not guarded: ${live}.`);
}

const short = (text: string): string => (text.length > TEXT_LENGTH ? `${text.slice(0, TEXT_LENGTH)}…` : text);
