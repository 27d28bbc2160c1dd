/** `trueup audit --html FILE` */
import { readFileSync } from 'node:fs';
import type { ReportInput } from '../audit/html';
import type { Repairs } from '../audit/html/repairs';
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
  const fixes = new Set(input.report.findings.flatMap(({ fix }) => fix ?? []));
  const files = new Map([...fixes].map((each) => [each, readFileSync(each, 'utf8')]));
  const repairs: Repairs = { files, written: true, fileOf: ({ fix }) => fix, whyNot: () => null };
  replaceFile(file, reportPage({ ...input, repairs }));
  terminal.err.line(`the page is ${file}`);
}
