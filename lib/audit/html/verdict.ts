/** What an audit says, in one or two sentences, and no surer than its evidence. Pure. */
import { plural } from '../../../lambda/audit/names';
import type { AuditResult } from '../audit';
import { countOf } from './groups';

export interface Verdict {
  readonly sentence: string;
  /** How far it can be relied on. */
  readonly reach: string;
}

export function verdictOf(result: AuditResult): Verdict {
  const { findings, looked } = result;
  const [proved, lost] = [countOf(findings, 'A'), countOf(findings, 'B')];
  const rest = findings.length - proved - lost;
  const parts = [
    proved > 0 ? `${plural(proved, 'defect')} ${proved === 1 ? 'is' : 'are'} proved` : '',
    lost > 0 ? `${plural(lost, 'thing')} of the source ${lost === 1 ? 'is' : 'are'} lost here` : '',
  ].filter((each) => each !== '');
  return {
    sentence:
      looked.tables === 0 && looked.compared === null
        ? 'There is nothing to look at, so nothing is proved.'
        : parts.length > 0
          ? `${parts.join(', and ')}.`
          : rest > 0
            ? `Nothing is proved wrong and nothing was seen to be lost; ${plural(rest, 'finding')} ${rest === 1 ? 'is' : 'are'} left to look at.`
            : 'Nothing was found in what was looked at.',
    reach: statements(looked),
  };
}

function statements({ statements: all, decided }: AuditResult['looked']): string {
  if (all === 0)
    return 'No statement of the application was planned, so nothing here says which of them fail.';
  const open = all - decided;
  const of = `${all === 1 ? 'The one statement' : `All ${all} statements`} of the application`;
  return open === 0
    ? `${of} ${all === 1 ? 'was' : 'were'} decided by planning: what fails is among the findings.`
    : `${decided} of ${plural(all, 'statement')} of the application ${decided === 1 ? 'was' : 'were'} decided by planning: what fails of them is among the findings. Of the other ${open === 1 ? 'one' : open} nothing is known.`;
}
