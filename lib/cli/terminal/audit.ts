/** An audit in words: the surest findings first, then what was not seen and how much was looked at. */
import type { Grade } from '../../../lambda/audit/finding';
import { type Accepted, oneLine, type Sorted } from '../../audit/accepted';
import type { AuditResult } from '../../audit/audit';
import type { AuditFinding } from '../../audit/findings';
import { EXIT, type ExitCode } from '../exit-codes';
import { notSeenLines } from './not-seen';
import { hang, plural, type Terminal } from './terminal';

export interface AuditReport extends AuditResult {
  readonly accepted: Sorted['accepted'];
  /** Accepted, and found no more. */
  readonly gone: readonly Accepted[];
}

const GRADE_WORDS: Readonly<Record<Grade, string>> = { A: 'proved', B: 'lost', C: 'odd one out', D: 'habit' };

/** @param where the database, for people */
export function printAudit({ out }: Terminal, report: AuditReport, where: string): void {
  const { findings, accepted, gone, notSeen } = report;
  const { colors } = out;
  let grade: Grade | null = null;
  for (const each of findings) {
    if (each.grade !== grade) out.line(colors.bold(`${each.grade}  ${GRADE_WORDS[each.grade]}`));
    grade = each.grade;
    printFinding(out, each);
  }
  if (findings.length > 0) out.line();
  for (const { id, object, reason } of accepted)
    hang(out, 'accepted  ', `${id} ${oneLine(object)} (${reason})`);
  for (const { id, object, line } of gone)
    hang(out, 'gone      ', `${id} ${object}, line ${line} of the accepted ones: take the line out`);
  for (const line of notSeenLines(notSeen)) hang(out, 'not seen  ', line);
  out.line(`${colors.bold(where)}: ${counts(findings)}.`);
  hang(out, '', looked(report));
}

function printFinding(out: Terminal['out'], { grade, id, object, message, evidence }: AuditFinding): void {
  const { colors } = out;
  const paint = grade === 'A' || grade === 'B' ? colors.red : colors.yellow;
  out.line(`  ${paint(id)}  ${oneLine(object)}`);
  hang(out, '    ', oneLine(message));
  for (const line of evidence) hang(out, '    - ', oneLine(line.replace(/\s+/g, ' ').trim()));
}

function counts(findings: readonly AuditFinding[]): string {
  if (findings.length === 0) return 'nothing found';
  const each = (Object.keys(GRADE_WORDS) as Grade[]).flatMap((grade) => {
    const count = findings.filter((finding) => finding.grade === grade).length;
    return count === 0 ? [] : [`${count} ${grade}`];
  });
  return `${plural(findings.length, 'finding')} (${each.join(', ')})`;
}

function looked({ looked: { kinds, tables, objects, compared, statements, decided } }: AuditReport): string {
  const parts = [
    `${plural(objects, 'object')}, ${plural(tables, 'table')} among them`,
    compared === null ? 'compared with no source' : `compared with ${compared} of the source`,
    statements === 0
      ? 'no statement planned'
      : `${decided} of ${plural(statements, 'statement')} decided by planning`,
  ];
  const nothing = tables === 0 && compared === null;
  return nothing
    ? 'There is nothing to look at, so nothing is proved.'
    : `Looked for ${kinds} kinds: ${parts.join('; ')}.`;
}

export function auditExitCode({ findings, looked: { tables, compared } }: AuditReport): ExitCode {
  if (findings.some(({ grade }) => grade === 'A' || grade === 'B')) return EXIT.found;
  return tables === 0 && !compared ? EXIT.failed : EXIT.ok;
}
