/** `trueup audit --html FILE` */
import { readFileSync } from 'node:fs';
import { key } from '../../lambda/audit/names';
import type { AuditFinding } from '../../lambda/defects/findings';
import type { Compared } from '../audit/audit';
import type { ReportInput } from '../audit/html/input';
import type { Repairs } from '../audit/html/repairs';
import type { WrittenReport } from '../audit/write/report';
import { writtenFor } from '../audit/write/write';
import { replaceFile, requireWritable } from './replace-file';
import { UsageError } from './terminal/failure';
import type { Terminal } from './terminal/terminal';

/** Before the audit, which may take long. @throws {UsageError} */
export function requirePage(file: string): void {
  if (file === '-')
    throw new UsageError(
      '--html needs the name of a file: the findings in words go to standard output',
      'Give --html report.html.',
    );
  requireWritable(file);
}

/**
 * @param roles of the server: migrations that were not written name them
 * @throws {UsageError}
 */
export async function writePage(
  terminal: Terminal,
  file: string,
  input: Omit<ReportInput, 'repairs'>,
  roles: ReadonlySet<string>,
): Promise<void> {
  // Loaded here: no other command draws.
  const { MOST_FINDINGS, NO_REPAIRS, reportPage } =
    require('../audit/html') as typeof import('../audit/html');
  const { report, compared } = input;
  const repairs = report.written
    ? inFolder(report.findings, report.written)
    : report.findings.length > MOST_FINDINGS
      ? NO_REPAIRS // Every file would be made for a page that has a part of them.
      : await notWritten(report.findings, compared, roles);
  replaceFile(file, reportPage({ ...input, repairs }));
  terminal.err.line(`the page is ${file}`);
}

/** As `--write` wrote them. */
function inFolder(findings: readonly AuditFinding[], { unwritten }: WrittenReport): Repairs {
  const fixes = new Set(findings.flatMap(({ fix }) => fix ?? []));
  const reasons = new Map(unwritten.map(({ id, object, why }) => [key(id, object), why]));
  return {
    files: new Map([...fixes].map((each) => [each, readFileSync(each, 'utf8')])),
    written: true,
    fileOf: ({ fix }) => fix,
    whyNot: ({ id, object }) => reasons.get(key(id, object)) ?? null,
  };
}

/** As `--write` would write them. */
async function notWritten(
  findings: readonly AuditFinding[],
  compared: Compared,
  roles: ReadonlySet<string>,
): Promise<Repairs> {
  const { files, fixes, unwritten } = await writtenFor(findings, compared, roles);
  return {
    files: new Map(files.map(({ name, text }) => [name, text])),
    written: false,
    fileOf: (finding) => fixes.get(finding) ?? null,
    whyNot: (finding) => unwritten.get(finding) ?? null,
  };
}
