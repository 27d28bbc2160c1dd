/** Formats a report as a pull request comment, with a plan or with the reason why there is none. */
import { fitItems } from './markdown';
import { formatErrorMarkdown, formatPlanMarkdown } from './plan-markdown';
import { formatProblemsMarkdown } from './problems-markdown';
import type { PlanReport } from './read-report';

export function formatReportMarkdown(report: PlanReport): string {
  if ('plan' in report) return formatPlanMarkdown(report.plan);
  if (report.problems.length > 0) return formatProblemsMarkdown(null, report.problems);
  return fitItems(`## Trueup: planning failed\n\n${formatErrorMarkdown(report.error)}`, [], {
    many: (rest) => `${rest} more`,
    command: 'trueup plan',
  });
}
