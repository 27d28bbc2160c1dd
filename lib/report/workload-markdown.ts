/** Formats the effect of pending migrations on the application's statements as markdown. */
import { formatCode, formatProse } from './markdown';
import type { WorkloadPlan } from './plan-document';

const MAX_SHOWN = 10;
const MAX_TEXT_LENGTH = 200;

/**
 * Formats verdicts.
 * @param title what was planned, and when
 */
export function formatVerdictsMarkdown(
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
    `**${title}**: ${formatCount(statements, 'statement')}, ${plan} ${plan === 1 ? 'plans' : 'plan'}, ` +
      `${failing.length === 0 ? 'none fails' : `**${failing.length} ${failing.length === 1 ? 'fails' : 'fail'}**`}, ` +
      `${open === 0 ? 'none' : open} undecided.`,
    formatList([
      ...formatFirst(
        failing,
        ({ text, sqlstate, why }) =>
          `${formatShortCode(text)}: ${formatProse(why)} (SQLSTATE ${formatProse(sqlstate)})`,
      ),
      ...Object.entries(undecided).map(([why, times]) => `undecided: ${times} × ${formatProse(why)}`),
    ]),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

export function formatWorkloadMarkdown(workload: WorkloadPlan): string {
  return [
    formatVerdictsMarkdown('Workload before the first step', workload),
    ...workload.touched.map(({ migration, notAnalyzed, statements: those }) => {
      const more = notAnalyzed ? '; it also runs code that cannot be analyzed' : '';
      const head = `${formatCode(migration)} touches ${those.length === 0 ? 'none' : those.length} of them${more}.`;
      const lines = formatFirst(those, ({ text, role, calls }) => {
        const who = [
          role === null ? '' : `role ${formatCode(role)}`,
          calls === null ? '' : formatCount(calls, 'call'),
        ];
        const said = who.filter((part) => part !== '').join(', ');
        return `${formatShortCode(text)}${said === '' ? '' : ` (${said})`}`;
      });
      return [head, formatList(lines)].filter((part) => part !== '').join('\n\n');
    }),
  ].join('\n\n');
}

const formatCount = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`;
const formatList = (lines: readonly string[]): string => lines.map((line) => `- ${line}`).join('\n');
const formatShortCode = (text: string): string =>
  formatCode(text.length > MAX_TEXT_LENGTH ? `${text.slice(0, MAX_TEXT_LENGTH)}…` : text);

const formatFirst = <T>(all: readonly T[], line: (each: T) => string): readonly string[] => [
  ...all.slice(0, MAX_SHOWN).map(line),
  ...(all.length > MAX_SHOWN ? [`and ${all.length - MAX_SHOWN} more`] : []),
];
