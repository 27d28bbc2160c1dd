/** Prints an audit as text: the most certain findings first, then what was not checked and how much was examined. */

import type { Confidence } from '../../../lambda/audit/finding';
import { toSingleLine } from '../../../lambda/audit/suppressions';
import type { AuditFinding } from '../../../lambda/defects/findings';
import type { AuditReport } from '../../audit/audit';
import {
  CONFIDENCE_WORDS,
  formatCounts,
  formatCountsByKindAndTable,
  formatCoverage,
  formatNotCheckedLines,
} from '../../audit/words';
import type { WrittenReport } from '../../audit/write/report';
import { EXIT, type ExitCode } from '../exit-codes';
import { formatCount, printHanging, type Stream, type Terminal, writeInBatches } from './terminal';

/**
 * Prints the report.
 * @param where name of the database, for the output
 */
export const printAudit = (terminal: Terminal, report: AuditReport, where: string): Promise<void> =>
  writeInBatches(terminal.out, (out, full) => printReport(out, report, where, full));

async function printReport(
  out: Stream,
  report: AuditReport,
  where: string,
  full: () => Promise<void>,
): Promise<void> {
  const { findings, suppressed, obsolete, hidden, notChecked } = report;
  const { colors } = out;
  let confidence: Confidence | null = null;
  for (const each of findings) {
    if (each.confidence !== confidence)
      out.line(colors.bold(`${each.confidence}  ${CONFIDENCE_WORDS[each.confidence]}`));
    confidence = each.confidence;
    printFinding(out, each);
    await full();
  }
  if (findings.length > 0) out.line();
  for (const { id, object, reason } of suppressed)
    printHanging(out, 'suppressed   ', `${id} ${toSingleLine(object)} (${reason})`);
  for (const { id, object, line } of obsolete)
    printHanging(out, 'obsolete     ', `${id} ${object}: remove line ${line} of the suppressions file`);
  if (report.written) printWrittenReport(out, report.written);
  for (const line of formatNotCheckedLines(notChecked)) printHanging(out, 'not checked  ', line);
  for (const { id, object, why } of report.byHand ?? [])
    printHanging(out, 'by hand      ', `${id} ${toSingleLine(object)}: ${toSingleLine(why)}`);
  const counted = formatCountsByKindAndTable(findings);
  if (counted) {
    printHanging(out, 'by check     ', counted.kinds);
    printHanging(out, 'by table     ', counted.tables);
  }
  const more =
    hidden === 0
      ? ''
      : `; ${formatCount(hidden, 'finding')} of lower confidence not shown (--min-confidence D shows all)`;
  out.line(`${colors.bold(where)}: ${formatCounts(findings)}${more}.`);
  printHanging(out, '', formatCoverage(report));
}

function printWrittenReport(out: Stream, { folder, files, decisions, unwritten }: WrittenReport): void {
  for (const { id, object, why } of unwritten)
    printHanging(out, 'no file      ', `${id} ${toSingleLine(object)}: ${toSingleLine(why)}`);
  if (files.length === 0) out.line(`written      nothing: no migration repairs the findings`);
  else
    printHanging(
      out,
      'written      ',
      `${formatCount(files.length, 'migration')} in ${folder}${
        decisions === 0 ? '' : `; ${formatCount(decisions, 'decision')} open, which \`trueup check\` lists`
      }`,
    );
}

function printFinding(out: Stream, { confidence, id, object, message, evidence, fix }: AuditFinding): void {
  const { colors } = out;
  const paint = confidence === 'A' || confidence === 'B' ? colors.red : colors.yellow;
  out.line(`  ${paint(id)}  ${toSingleLine(object)}`);
  printHanging(out, '    ', toSingleLine(message));
  for (const line of evidence) printHanging(out, '    - ', toSingleLine(line.replace(/\s+/g, ' ').trim()));
  if (fix !== null) printHanging(out, '    > ', fix);
}

export function getAuditExitCode({ findings, coverage: { tables, compared } }: AuditReport): ExitCode {
  if (findings.some(({ confidence }) => confidence === 'A' || confidence === 'B')) return EXIT.found;
  return tables === 0 && !compared ? EXIT.failed : EXIT.ok;
}
