/** `trueup audit --html FILE` */
import { readFileSync } from 'node:fs';
import type { ReportInput } from '../audit/html';
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

/** @throws {UsageError} */
export function writePage(terminal: Terminal, file: string, input: Omit<ReportInput, 'repairs'>): void {
  // Loaded here: no other command draws.
  const { reportPage } = require('../audit/html') as typeof import('../audit/html');
  const files = new Set(input.report.findings.flatMap(({ fix }) => fix ?? []));
  const repairs = new Map([...files].map((each) => [each, readFileSync(each, 'utf8')]));
  replaceFile(file, reportPage({ ...input, repairs }));
  terminal.err.line(`the page is ${file}`);
}
