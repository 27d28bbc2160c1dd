/** The findings in words, and what the program answers to the shell. Pure. */
import { EXIT } from './options';
import type { Finding, Step } from './step';

export interface StepResult {
  readonly step: string;
  readonly findings: readonly Finding[];
  /** Why it was not carried out to its end. @default - it was */
  readonly error?: string;
  /** Why what was seen settles nothing: a local AWS answered. @default - AWS answered */
  readonly notSettledHere?: string;
}

/** What a local AWS says of a step is no evidence: it shows that the step runs. */
export const seenLocally = (
  { id, locally }: Pick<Step, 'id' | 'locally'>,
  findings: readonly Finding[],
): StepResult => ({
  step: id,
  findings: findings.map(({ words }) => ({ outcome: 'not-settled', words })),
  notSettledHere: locally?.why ?? 'a local AWS answered, which is a model',
});

const MARKS = {
  'as-assumed': 'as assumed ',
  otherwise: 'OTHERWISE  ',
  'not-settled': 'not settled',
} as const;

export const resultLines = ({ findings, notSettledHere, error }: StepResult): string[] => [
  ...findings.map(({ outcome, words }) =>
    notSettledHere === undefined ? `  ${MARKS[outcome]}  ${words}` : `  seen here    ${words}`,
  ),
  ...(notSettledHere === undefined ? [] : [`  not settled  Here ${notSettledHere}.`]),
  ...(error === undefined ? [] : [`  not carried out: ${error}`]),
];

export function summary(results: readonly StepResult[], local: boolean): string {
  const failed = results.filter(({ error }) => error !== undefined);
  if (local) {
    const seen = results.filter(({ findings }) => findings.length > 0).length;
    return [
      `${results.length} steps, ${seen} of them carried out, ${failed.length} failed.`,
      'A local AWS answered (AWS_ENDPOINT_URL): nothing is settled, and none of this is evidence about AWS.',
    ].join('\n');
  }
  const all = results.flatMap(({ findings }) => findings);
  const count = (outcome: Finding['outcome']) => all.filter((each) => each.outcome === outcome).length;
  return [
    `${results.length} steps: ${count('as-assumed')} as assumed, ${count('otherwise')} otherwise, ${count('not-settled')} not settled.`,
    ...(failed.length > 0 ? [`Not carried out: ${failed.map(({ step }) => step).join(', ')}.`] : []),
  ].join('\n');
}

export function exitCode(results: readonly StepResult[], local: boolean): number {
  if (results.some(({ error }) => error !== undefined)) return EXIT.notSettled;
  const all = results.flatMap(({ findings }) => findings);
  if (all.some(({ outcome }) => outcome === 'otherwise')) return EXIT.otherwise;
  // A local AWS settles nothing, and is not meant to.
  return !local && all.some(({ outcome }) => outcome === 'not-settled') ? EXIT.notSettled : EXIT.ok;
}
