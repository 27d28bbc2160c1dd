/** Prints a workload check: first the statements that fail, then the undecided ones. */
import {
  type BrokenWorkloadStatement,
  computeUndecidedShare,
  listUnconsentedFailures,
  type WorkloadCheck,
} from '../../workload/workload-check';
import { EXIT, type ExitCode } from '../exit-codes';
import { formatCount, printHanging, type Stream, type Terminal } from './terminal';

const MAX_SHOWN = 20;
const MAX_TEXT_LENGTH = 300;

/**
 * Prints the workload check.
 * @param where name of the database, for the output
 */
export function printWorkloadCheck(
  { out }: Terminal,
  workloadCheck: WorkloadCheck,
  where: string,
  maxUndecided: number,
): void {
  const { statements, plan, broken, undecided } = workloadCheck;
  for (const each of broken.slice(0, MAX_SHOWN)) printBroken(out, each);
  if (broken.length > MAX_SHOWN) out.line(`… and ${broken.length - MAX_SHOWN} more; --json lists them all.`);
  for (const { text, since } of (workloadCheck.doubtful ?? []).slice(0, MAX_SHOWN)) {
    out.line(
      `${out.colors.yellow('warning')}  It planned until ${since} was applied, and it is undecided whether it still does:`,
    );
    printHanging(out, '  ', truncateText(text));
  }
  for (const { why, texts } of undecided) printHanging(out, 'undecided  ', `${texts.length} × ${why}`);
  const open = undecided.reduce((sum, { texts }) => sum + texts.length, 0);
  out.line(
    `${out.colors.bold(where)}: ${formatCount(statements, 'statement')}, ${plan} ${plan === 1 ? 'plans' : 'plan'}, ` +
      `${broken.length === 0 ? 'none' : broken.length} broken, ${open === 0 ? 'none' : open} undecided.`,
  );
  if (statements === 0) out.line('There are no statements to plan, so nothing was checked.');
  else if (isTooUndecided(workloadCheck, maxUndecided))
    printHanging(
      out,
      '',
      `Too much is undecided: ${formatPercent(computeUndecidedShare(workloadCheck))}, and --max-undecided is ${maxUndecided} %.`,
    );
}

function printBroken(out: Stream, broken: BrokenWorkloadStatement): void {
  const { text, senders, calls, verdict, cause, repair, brokenBy, consent } = broken;
  const { colors } = out;
  const roles = [...new Set(senders.flatMap(({ role }) => role ?? []))];
  const facts = [
    calls === null ? '' : `${formatCount(calls, 'call')}`,
    roles.length === 0 ? '' : `sent by ${roles.join(', ')}`,
  ].filter(Boolean);
  const outcome = verdict.outcome === 'fails' ? 'fails' : 'would fail';
  out.line(
    `${colors.red(outcome)}  ${colors.bold(verdict.sqlstate)}${facts.length > 0 ? `  ${facts.join(', ')}` : ''}`,
  );
  printHanging(out, '  ', truncateText(text));
  const object = verdict.outcome === 'would-fail' ? ` (${verdict.relation}: ${verdict.object})` : '';
  printHanging(out, '  - ', `${verdict.why}${object}`);
  if (consent !== undefined) printHanging(out, '  - ', `${brokenBy} has consent for this: ${consent}`);
  else if (brokenBy !== undefined)
    printHanging(out, '  - ', `It could be planned until ${brokenBy} was applied.`);
  for (const sentence of cause) printHanging(out, '  - ', sentence);
  for (const sql of repair?.sql ?? []) out.line(`      ${sql}`);
}

const truncateText = (text: string): string =>
  text.length > MAX_TEXT_LENGTH ? `${text.slice(0, MAX_TEXT_LENGTH)}…` : text;

const formatPercent = (share: number): string => `${Math.round(share * 100)} %`;

const isTooUndecided = (workloadCheck: WorkloadCheck, maxUndecided: number): boolean =>
  computeUndecidedShare(workloadCheck) * 100 > maxUndecided;

export function getWorkloadExitCode(workloadCheck: WorkloadCheck, maxUndecided: number): ExitCode {
  if (listUnconsentedFailures(workloadCheck).length > 0) return EXIT.drifted;
  return workloadCheck.statements === 0 || isTooUndecided(workloadCheck, maxUndecided)
    ? EXIT.failed
    : EXIT.ok;
}
