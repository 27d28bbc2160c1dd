/**
 * Formats a plan for people who review a change: what would run, how it affects the application, what verifies it, and what
 * undoes it.
 */
import type { ErrorInfo } from '../../lambda/contract/errors';
import type { PlannedStep } from '../../lambda/contract/status';
import { fitItems, formatCode, formatCodeBlock, formatDetails, formatProse } from './markdown';
import { describeMeasurements } from './measurements';
import type { MigrationSections, PlanDocument, PlanTrial } from './plan-document';
import { formatVerdictsMarkdown, formatWorkloadMarkdown } from './workload-markdown';

const MAX_SQL_LENGTH = 4_000;

export function formatPlanMarkdown(plan: PlanDocument): string {
  const parts = [
    formatHeading(plan),
    ...plan.errors.map(formatErrorMarkdown),
    ...(plan.warnings.length > 0 ? [plan.warnings.map((each) => `- ${formatProse(each)}`).join('\n')] : []),
    ...(plan.trial ? [formatTrial(plan.trial)] : []),
    ...(plan.workload ? [formatWorkloadMarkdown(plan.workload)] : []),
  ];
  const sections = new Map((plan.sections ?? []).map((each) => [each.migration, each]));
  const steps = plan.steps.map((step) =>
    formatStep(step, sections.get(step.migration), plan.sections !== undefined),
  );
  return fitItems(parts.join('\n\n'), steps, {
    many: (rest) => `${rest === 1 ? 'One more step does' : `${rest} more steps do`} not fit here`,
    command: 'trueup plan',
  });
}

export const formatNoPlanHeading = (namespace: string): string =>
  `## Trueup: no plan could be made for ${formatCode(namespace)}`;

function formatHeading({ namespace, errors, steps }: PlanDocument): string {
  const where = formatCode(namespace);
  if (errors.length > 0) return formatNoPlanHeading(namespace);
  if (steps.length === 0)
    return `## Trueup: nothing to do in ${where}\n\nAll migrations are applied and unchanged.`;
  const statements = steps.flatMap((step) => step.statements);
  const felt = statements.filter(({ locks }) => locks.length > 0).length;
  const counts = [
    formatCount(statements.length, 'statement', 'statements'),
    felt === 0
      ? 'none blocks the application'
      : `${felt} of them ${felt === 1 ? 'takes' : 'take'} a lock that blocks the application`,
    formatIfAny(statements.filter(({ rewrites }) => rewrites !== null).length, 'may take long'),
    formatIfAny(statements.filter(({ destroys }) => destroys !== null).length, '**may destroy data**'),
  ].filter((part) => part !== '');
  return `## Trueup: ${formatCount(steps.length, 'step', 'steps')} in ${where}\n\n${counts.join('; ')}.`;
}

function formatTrial({ serverVersion, error, findings, workload }: PlanTrial): string {
  const where = `an empty PostgreSQL ${formatProse(serverVersion)}`;
  if (error !== null)
    return `**Not all steps could be applied to ${where}.**\n\n${formatErrorMarkdown(error)}`;
  const verified =
    findings.length === 0 ? 'and every verify section passes' : 'and **verify sections do not pass**';
  return [
    `All steps were applied to ${where}, ${verified}.`,
    findings
      .map(({ migration, sentence }) => `- ${formatCode(migration)}: ${formatProse(sentence)}`)
      .join('\n'),
    ...(workload ? [formatVerdictsMarkdown('Workload after the last step', workload)] : []),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

const formatCount = (count: number, one: string, more: string): string =>
  `${count} ${count === 1 ? one : more}`;
const formatIfAny = (count: number, what: string): string => (count === 0 ? '' : `${count} ${what}`);

export function formatErrorMarkdown({
  migration,
  line,
  message,
  sqlstate,
  details = [],
  remedy,
}: Omit<ErrorInfo, 'code'>): string {
  const place = [
    migration === undefined ? '' : formatCode(migration),
    line === undefined ? '' : `line ${line}`,
  ].filter((part) => part !== '');
  const state = sqlstate === undefined ? '' : ` (SQLSTATE ${formatProse(sqlstate)})`;
  return [
    `- **Error** ${[...place, `${formatProse(message)}${state}`].join(', ')}`,
    ...[...new Set(details)].map((detail) => `  - ${formatProse(detail)}`),
    `  - ${formatProse(remedy)}`,
  ].join('\n');
}

const EXECUTION_NOTES: Readonly<Record<string, string>> = {
  separate: 'as a separate statement',
  'non-transactional': 'non-transactional',
  batch: 'repeated in small transactions until no row changes',
};

function formatStep(
  step: PlannedStep,
  sections: MigrationSections | undefined,
  sectionsKnown: boolean,
): string {
  const { action, migration, note, holdsMs, statements } = step;
  const sql = statements.map((each) => `-- line ${each.line}\n${each.sql};`).join('\n\n');
  return [
    `### ${formatCode(migration)}: ${action}${note === '' ? '' : ` (${formatProse(note)})`}`,
    ...(holdsMs === null
      ? []
      : [
          `Holds its locks for at most ${holdsMs / 1_000} s. If it cannot get them, it lets other sessions continue and retries.`,
        ]),
    ...(statements.length > 0 ? [statements.map(formatStatement).join('\n')] : []),
    ...(sql === '' ? [] : [formatDetails('SQL', formatCodeBlock(sql, 'sql', MAX_SQL_LENGTH))]),
    ...(sectionsKnown
      ? formatSections(sections)
      : ['Its verify and down sections are in the folder that it was deployed from.']),
  ].join('\n\n');
}

function formatStatement({
  line,
  command,
  execution,
  locks,
  rewrites,
  destroys,
  ...measured
}: PlannedStep['statements'][number]): string {
  const remarks = [
    EXECUTION_NOTES[execution] ?? '',
    locks.map(formatCode).join(', '),
    rewrites === null ? '' : formatProse(rewrites),
    destroys === null ? '' : `**destroys**: ${formatProse(destroys)}`,
    ...describeMeasurements(measured).map(formatProse),
  ].filter((part) => part !== '');
  return `- line ${line} ${formatCode(command)}${remarks.length > 0 ? `: ${remarks.join('; ')}` : ''}`;
}

const UNDO_NOTES: Readonly<Record<MigrationSections['undo'], string>> = {
  automatic: 'Undone automatically if the deployment that applied it is rolled back.',
  'by-name':
    'Undone only by name (`trueup down`): a rollback keeps it, because its down section may lose data.',
  none: 'Cannot be undone: it has no down section.',
};

function formatSections(sections: MigrationSections | undefined): string[] {
  if (sections === undefined) return [];
  const { verify, withoutVerify, undo, down } = sections;
  return [
    verify.length > 0
      ? formatDetails(
          `Verified by ${formatCount(verify.length, 'query', 'queries')}`,
          formatCodeBlock(verify.map((sql) => `${sql};`).join('\n'), 'sql', MAX_SQL_LENGTH),
        )
      : `**Not verified**${withoutVerify === null || withoutVerify === '' ? '' : `: ${formatProse(withoutVerify)}`}`,
    down.length > 0
      ? formatDetails('Undo', formatCodeBlock(down.map((sql) => `${sql};`).join('\n'), 'sql', MAX_SQL_LENGTH))
      : '',
    UNDO_NOTES[undo],
  ].filter((part) => part !== '');
}
