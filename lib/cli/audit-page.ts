/** `trueup audit --html FILE`: writes the report as an HTML page. */
import { readFileSync } from 'node:fs';
import { joinKey } from '../../lambda/audit/names';
import type { AuditFinding } from '../../lambda/defects/findings';
import type { SnapshotComparison } from '../audit/audit';
import type { ReportInput } from '../audit/html/input';
import type { Repairs } from '../audit/html/repairs';
import type { WrittenReport } from '../audit/write/report';
import { buildMigrations } from '../audit/write/write';
import { replaceFile, requireWritable } from './replace-file';
import { UsageError } from './terminal/failure';
import type { Terminal } from './terminal/terminal';

/**
 * Checks that the page can be written. It runs before the audit, which may take long.
 * @throws {UsageError}
 */
export function requirePageFile(file: string): void {
  if (file === '-')
    throw new UsageError(
      '--html needs the name of a file, because the findings are printed to standard output',
      'Give --html report.html.',
    );
  requireWritable(file);
}

/**
 * Writes the HTML page of an audit.
 * @param roles roles of the server, which the proposed migrations may name if `--write` was not given
 * @throws {UsageError}
 */
export async function writePage(
  terminal: Terminal,
  file: string,
  input: Omit<ReportInput, 'repairs'>,
  roles: ReadonlySet<string>,
): Promise<void> {
  // Loaded here because no other command renders the page.
  const { MAX_FINDINGS, NO_REPAIRS, renderReport } =
    require('../audit/html') as typeof import('../audit/html');
  const { report, compared } = input;
  const repairs = report.written
    ? buildWrittenRepairs(report.findings, report.written)
    : report.findings.length > MAX_FINDINGS
      ? NO_REPAIRS // The page shows only some of the findings, so writing a file for each is wasted.
      : await buildUnwrittenRepairs(report.findings, compared, roles);
  replaceFile(file, renderReport({ ...input, repairs }));
  terminal.err.line(`The page is in ${file}.`);
}

/** Returns the repairs that `--write` wrote. */
function buildWrittenRepairs(findings: readonly AuditFinding[], { unwritten }: WrittenReport): Repairs {
  const fixes = new Set(findings.flatMap(({ fix }) => fix ?? []));
  const reasons = new Map(unwritten.map(({ id, object, why }) => [joinKey(id, object), why]));
  return {
    files: new Map([...fixes].map((each) => [each, readFileSync(each, 'utf8')])),
    written: true,
    findFile: ({ fix }) => fix,
    whyNot: ({ id, object }) => reasons.get(joinKey(id, object)) ?? null,
  };
}

/** Returns the repairs that `--write` would write. */
async function buildUnwrittenRepairs(
  findings: readonly AuditFinding[],
  compared: SnapshotComparison,
  roles: ReadonlySet<string>,
): Promise<Repairs> {
  const { files, fixes, unwritten } = await buildMigrations(findings, compared, roles);
  return {
    files: new Map(files.map(({ name, text }) => [name, text])),
    written: false,
    findFile: (finding) => fixes.get(finding) ?? null,
    whyNot: (finding) => unwritten.get(finding) ?? null,
  };
}
