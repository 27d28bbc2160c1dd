/** A plan for the page of a pull request: what would be run, what the application feels, what proves it, what undoes it. */
import type { ErrorInfo } from '../../lambda/contract/errors';
import type { PlannedStep } from '../../lambda/contract/status';
import { block, code, fitting, folded, prose } from './markdown';
import type { PlanDocument, PlanTrial, Proof } from './plan-document';
import { verdictsMarkdown, workloadMarkdown } from './workload-markdown';

const LONGEST_SQL = 4_000;

export function planMarkdown(plan: PlanDocument): string {
  const parts = [
    heading(plan),
    ...plan.errors.map(errorMarkdown),
    ...(plan.warnings.length > 0 ? [plan.warnings.map((each) => `- ${prose(each)}`).join('\n')] : []),
    ...(plan.trial ? [trialMarkdown(plan.trial)] : []),
    ...(plan.workload ? [workloadMarkdown(plan.workload)] : []),
  ];
  const proofs = new Map((plan.proofs ?? []).map((proof) => [proof.migration, proof]));
  const steps = plan.steps.map((step) =>
    stepMarkdown(step, proofs.get(step.migration), plan.proofs !== undefined),
  );
  return fitting(parts.join('\n\n'), steps, {
    many: (rest) => `${rest === 1 ? 'One more step has' : `${rest} more steps have`} no room here`,
    command: 'trueup plan',
  });
}

function heading({ namespace, errors, steps }: PlanDocument): string {
  const where = code(namespace);
  if (errors.length > 0) return `## Trueup: nothing of ${where} can be applied`;
  if (steps.length === 0)
    return `## Trueup: nothing to do in ${where}\n\nEvery migration is applied, and none has changed.`;
  const statements = steps.flatMap((step) => step.statements);
  const felt = statements.filter(({ locks }) => locks.length > 0).length;
  const counts = [
    many(statements.length, 'statement', 'statements'),
    felt === 0
      ? 'none takes a lock that the application feels'
      : `${felt} of them ${felt === 1 ? 'takes' : 'take'} a lock that the application feels`,
    some(statements.filter(({ rewrites }) => rewrites !== null).length, 'may take long'),
    some(statements.filter(({ destroys }) => destroys !== null).length, '**may destroy data**'),
  ].filter((part) => part !== '');
  return `## Trueup: ${many(steps.length, 'step', 'steps')} in ${where}\n\n${counts.join('; ')}.`;
}

function trialMarkdown({ serverVersion, error, findings, workload }: PlanTrial): string {
  const where = `an empty PostgreSQL ${prose(serverVersion)}`;
  if (error !== null) return `**Not everything could be applied to ${where}.**\n\n${errorMarkdown(error)}`;
  const verified =
    findings.length === 0 ? 'and every verify section passes' : 'and **verify sections do not pass**';
  return [
    `All of it was applied to ${where}, ${verified}.`,
    findings.map(({ migration, sentence }) => `- ${code(migration)}: ${prose(sentence)}`).join('\n'),
    ...(workload ? [verdictsMarkdown('Workload after the last step', workload)] : []),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

const many = (count: number, one: string, more: string): string => `${count} ${count === 1 ? one : more}`;
const some = (count: number, what: string): string => (count === 0 ? '' : `${count} ${what}`);

export function errorMarkdown({
  migration,
  line,
  message,
  sqlstate,
  details = [],
  remedy,
}: Omit<ErrorInfo, 'code'>): string {
  const place = [
    migration === undefined ? '' : code(migration),
    line === undefined ? '' : `line ${line}`,
  ].filter((part) => part !== '');
  const state = sqlstate === undefined ? '' : ` (SQLSTATE ${prose(sqlstate)})`;
  return [
    `- **Error** ${[...place, `${prose(message)}${state}`].join(', ')}`,
    ...[...new Set(details)].map((detail) => `  - ${prose(detail)}`),
    `  - ${prose(remedy)}`,
  ].join('\n');
}

const HOW: Readonly<Record<string, string>> = {
  separate: 'in a transaction of its own',
  outside: 'outside a transaction',
  batch: 'repeated in small transactions until no row changes',
};

function stepMarkdown(step: PlannedStep, proof: Proof | undefined, proofsKnown: boolean): string {
  const { action, migration, note, holdsMs, statements } = step;
  const sql = statements.map((each) => `-- line ${each.line}\n${each.sql};`).join('\n\n');
  return [
    `### ${code(migration)}: ${action}${note === '' ? '' : ` (${prose(note)})`}`,
    ...(holdsMs === null
      ? []
      : [
          `Holds its locks for ${holdsMs / 1_000} s at most; if it cannot get them it gives way and tries again.`,
        ]),
    ...(statements.length > 0 ? [statements.map(statementLine).join('\n')] : []),
    ...(sql === '' ? [] : [folded('SQL', block(sql, 'sql', LONGEST_SQL))]),
    ...(proofsKnown
      ? proofLines(proof)
      : ['How it is proved and undone is known where it was deployed from.']),
  ].join('\n\n');
}

function statementLine({
  line,
  command,
  execution,
  locks,
  rewrites,
  destroys,
}: PlannedStep['statements'][number]): string {
  const remarks = [
    HOW[execution] ?? '',
    locks.map(code).join(', '),
    rewrites === null ? '' : prose(rewrites),
    destroys === null ? '' : `**destroys**: ${prose(destroys)}`,
  ].filter((part) => part !== '');
  return `- line ${line} ${code(command)}${remarks.length > 0 ? `: ${remarks.join('; ')}` : ''}`;
}

const UNDO: Readonly<Record<Proof['undo'], string>> = {
  automatic: 'Undone by itself when the deployment that applied it is rolled back.',
  'by-name':
    'Undone by name only (`trueup down`): a rollback keeps it, since its down section may lose something.',
  none: 'Not undone: it has no down section.',
};

function proofLines(proof: Proof | undefined): string[] {
  if (proof === undefined) return [];
  const { verify, unproved, undo, down } = proof;
  return [
    verify.length > 0
      ? folded(
          `Verified by ${many(verify.length, 'query', 'queries')}`,
          block(verify.map((sql) => `${sql};`).join('\n'), 'sql', LONGEST_SQL),
        )
      : `**Not verified**${unproved === null || unproved === '' ? '' : `: ${prose(unproved)}`}`,
    down.length > 0 ? folded('Undo', block(down.map((sql) => `${sql};`).join('\n'), 'sql', LONGEST_SQL)) : '',
    UNDO[undo],
  ].filter((part) => part !== '');
}
