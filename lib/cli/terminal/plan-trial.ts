/** What became of a plan on an empty server, in words. */
import type { PlanTrial } from '../../report/plan-document';
import { printError } from './report';
import { hang, type Terminal } from './terminal';
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
    hang(out, `${out.colors.red('fails')}  `, `${migration}: ${sentence}`);
  const verified =
    findings.length === 0 ? 'and every verify section passes' : 'and verify sections do not pass';
  out.line(`All of it was applied to an empty PostgreSQL ${serverVersion}, ${verified}.`);
  if (workload) printWorkloadPlan(terminal, { ...workload, touched: [] }, 'workload afterwards');
}
