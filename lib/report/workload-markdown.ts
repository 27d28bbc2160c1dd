/** What waiting migrations mean for the application's statements, as markdown. */
import { code, prose } from './markdown';
import type { WorkloadPlan } from './plan-document';

const SHOWN = 10;
const TEXT_LENGTH = 200;

/** @param title what was planned, and when */
export function verdictsMarkdown(
  title: string,
  {
    statements,
    plan,
    failing,
    undecided,
  }: Pick<WorkloadPlan, 'statements' | 'plan' | 'failing' | 'undecided'>,
): string {
  const open = Object.values(undecided).reduce((sum, count) => sum + count, 0);
  return [
    `**${title}**: ${count(statements, 'statement')}, ${plan} ${plan === 1 ? 'plans' : 'plan'}, ` +
      `${failing.length === 0 ? 'none fails' : `**${failing.length} ${failing.length === 1 ? 'fails' : 'fail'}**`}, ` +
      `${open === 0 ? 'none' : open} undecided.`,
    list([
      ...some(
        failing,
        ({ text, sqlstate, why }) => `${short(text)}: ${prose(why)} (SQLSTATE ${prose(sqlstate)})`,
      ),
      ...Object.entries(undecided).map(([why, times]) => `undecided: ${times} × ${prose(why)}`),
    ]),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

export function workloadMarkdown(workload: WorkloadPlan): string {
  return [
    verdictsMarkdown('Workload before the first step', workload),
    ...workload.touched.map(({ migration, unseen, statements: those }) => {
      const more = unseen ? '; it also holds code that cannot be seen through' : '';
      const head = `${code(migration)} touches ${those.length === 0 ? 'none' : those.length} of them${more}.`;
      const lines = some(those, ({ text, role, calls }) => {
        const who = [role === null ? '' : `role ${code(role)}`, calls === null ? '' : count(calls, 'call')];
        const said = who.filter((part) => part !== '').join(', ');
        return `${short(text)}${said === '' ? '' : ` (${said})`}`;
      });
      return [head, list(lines)].filter((part) => part !== '').join('\n\n');
    }),
  ].join('\n\n');
}

const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`;
const list = (lines: readonly string[]): string => lines.map((line) => `- ${line}`).join('\n');
const short = (text: string): string =>
  code(text.length > TEXT_LENGTH ? `${text.slice(0, TEXT_LENGTH)}…` : text);

const some = <T>(all: readonly T[], line: (each: T) => string): readonly string[] => [
  ...all.slice(0, SHOWN).map(line),
  ...(all.length > SHOWN ? [`and ${all.length - SHOWN} more`] : []),
];
