/** Summarizes an audit in one or two sentences that claim no more than its evidence shows. Pure. */
import { formatCount } from '../../../lambda/audit/names';
import type { AuditResult } from '../audit';
import { countConfidence } from './groups';

export interface AuditVerdict {
  readonly sentence: string;
  /** How much of the application's workload the verdict covers. */
  readonly reach: string;
}

export function buildVerdict(result: AuditResult): AuditVerdict {
  const { findings, coverage: looked } = result;
  const [proved, lost] = [countConfidence(findings, 'A'), countConfidence(findings, 'B')];
  const rest = findings.length - proved - lost;
  const parts = [
    proved > 0 ? `${formatCount(proved, 'problem')} ${proved === 1 ? 'is' : 'are'} confirmed` : '',
    lost > 0 ? `${formatCount(lost, 'object')} of the source ${lost === 1 ? 'is' : 'are'} missing` : '',
  ].filter((each) => each !== '');
  return {
    sentence:
      looked.tables === 0 && looked.compared === null
        ? 'The database has no tables and there is no source, so nothing was checked.'
        : parts.length > 0
          ? `${parts.join(', and ')}.`
          : rest > 0
            ? `No problem is confirmed and no object was found missing; review the ${formatCount(rest, 'other finding')}.`
            : 'The checks that ran found nothing.',
    reach: describeStatements(looked),
  };
}

function describeStatements({ statements: all, decided }: AuditResult['coverage']): string {
  if (all === 0)
    return 'No statement of the application was planned, so it is unknown whether any of them fail.';
  const open = all - decided;
  const of = `${all === 1 ? 'The one statement' : `All ${all} statements`} of the application`;
  return open === 0
    ? `${of} ${all === 1 ? 'was' : 'were'} decided by planning; failing statements are listed as findings.`
    : `${decided} of ${formatCount(all, 'statement')} of the application ${decided === 1 ? 'was' : 'were'} decided by planning; failing statements are listed as findings. The other ${open === 1 ? 'one is' : `${open} are`} undecided.`;
}
