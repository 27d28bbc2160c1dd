/** Prints the result of trying a plan on an empty server. */
import type { PlanTrial } from '../../report/plan-document';
import { printError } from './report';
import { printHanging, type Terminal } from './terminal';
import { printWorkloadPlan } from './workload-plan';

export function printTrial(
  terminal: Terminal,
  { serverVersion, error, findings, workload }: PlanTrial,
): void {
  const { out, err } = terminal;
  out.line();
  if (error !== null) {
    printError(err, error);
    return;
  }
  for (const { migration, sentence } of findings)
    printHanging(out, `${out.colors.red('fails')}  `, `${migration}: ${sentence}`);
  const verified =
    findings.length === 0 ? 'and every verify section passes' : 'but some verify sections fail';
  out.line(`All of it was applied to an empty PostgreSQL ${serverVersion}, ${verified}.`);
  if (workload) printWorkloadPlan(terminal, { ...workload, touched: [] }, 'workload afterwards');
}
