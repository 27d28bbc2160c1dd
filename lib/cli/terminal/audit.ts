/** An audit in words: the surest findings first, then what was not seen and how much was looked at. */

import { oneLine } from '../../../lambda/audit/accepted';
import type { Grade } from '../../../lambda/audit/finding';
import type { AuditFinding } from '../../../lambda/defects/findings';
import type { AuditReport } from '../../audit/audit';
import { counts, GRADE_WORDS, looked, notSeenLines } from '../../audit/words';
import type { WrittenReport } from '../../audit/write/report';
import { EXIT, type ExitCode } from '../exit-codes';
import { batched, hang, plural, type Stream, type Terminal } from './terminal';

/** @param where the database, for people */
export const printAudit = (terminal: Terminal, report: AuditReport, where: string): Promise<void> =>
  batched(terminal.out, (out, full) => printReport(out, report, where, full));

async function printReport(
  out: Stream,
  report: AuditReport,
  where: string,
  full: () => Promise<void>,
): Promise<void> {
  const { findings, accepted, gone, hidden, notSeen } = report;
  const { colors } = out;
  let grade: Grade | null = null;
  for (const each of findings) {
    if (each.grade !== grade) out.line(colors.bold(`${each.grade}  ${GRADE_WORDS[each.grade]}`));
    grade = each.grade;
    printFinding(out, each);
    await full();
  }
  if (findings.length > 0) out.line();
  for (const { id, object, reason } of accepted)
    hang(out, 'accepted  ', `${id} ${oneLine(object)} (${reason})`);
  for (const { id, object, line } of gone)
    hang(out, 'gone      ', `${id} ${object}, line ${line} of the accepted ones: take the line out`);
  if (report.written) printWritten(out, report.written);
  for (const line of notSeenLines(notSeen)) hang(out, 'not seen  ', line);
  const more = hidden === 0 ? '' : `; ${plural(hidden, 'less sure one')} not shown (--min-grade D shows all)`;
  out.line(`${colors.bold(where)}: ${counts(findings)}${more}.`);
  hang(out, '', looked(report));
}

function printWritten(out: Stream, { folder, files, decisions, unwritten }: WrittenReport): void {
  for (const { id, object, why } of unwritten)
    hang(out, 'no file   ', `${id} ${oneLine(object)}: ${oneLine(why)}`);
  if (files.length === 0) out.line(`written   nothing: no migration mends what was found`);
  else
    hang(
      out,
      'written   ',
      `${plural(files.length, 'migration')} in ${folder}${
        decisions === 0 ? '' : `; ${plural(decisions, 'decision')} open, which \`trueup check\` names`
      }`,
    );
}

function printFinding(out: Stream, { grade, id, object, message, evidence, fix }: AuditFinding): void {
  const { colors } = out;
  const paint = grade === 'A' || grade === 'B' ? colors.red : colors.yellow;
  out.line(`  ${paint(id)}  ${oneLine(object)}`);
  hang(out, '    ', oneLine(message));
  for (const line of evidence) hang(out, '    - ', oneLine(line.replace(/\s+/g, ' ').trim()));
  if (fix !== null) hang(out, '    > ', fix);
}

export function auditExitCode({ findings, looked: { tables, compared } }: AuditReport): ExitCode {
  if (findings.some(({ grade }) => grade === 'A' || grade === 'B')) return EXIT.found;
  return tables === 0 && !compared ? EXIT.failed : EXIT.ok;
}
