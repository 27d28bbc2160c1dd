/** A report for the page of a pull request, whatever became of the plan. */
import { fitting } from './markdown';
import { errorMarkdown, planMarkdown } from './plan-markdown';
import { problemsMarkdown } from './problems-markdown';
import type { PlanReport } from './read-report';

export function reportMarkdown(report: PlanReport): string {
  if ('plan' in report) return planMarkdown(report.plan);
  if (report.problems.length > 0) return problemsMarkdown(null, report.problems);
  return fitting(`## Trueup: no plan could be made\n\n${errorMarkdown(report.error)}`, [], {
    many: (rest) => `${rest} more`,
    command: 'trueup plan',
  });
}
