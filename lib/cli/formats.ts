/** `--format`: how findings are printed. */
import { type Command, Option } from 'commander';
import { githubAnnotations } from '../report/github';
import { type ReportItem, worstFirst } from '../report/item';
import type { Rules } from '../report/rules';
import { sarifLog } from '../report/sarif';
import { packageVersion } from './package';
import { UsageError } from './terminal/failure';
import type { GlobalOptions, Terminal } from './terminal/terminal';

export const FINDING_FORMATS = ['text', 'json', 'github', 'sarif'] as const;
export type FindingFormat = (typeof FINDING_FORMATS)[number];

export interface FormatOptions extends GlobalOptions {
  readonly format?: FindingFormat;
  readonly docsUrl?: string;
}

export const withFormat = (command: Command): Command =>
  command
    .addOption(
      new Option(
        '--format <format>',
        'how to print it: github for annotations of a pull request, sarif for code scanning',
      ).choices([...FINDING_FORMATS]),
    )
    .option(
      '--docs-url <url>',
      'with --format sarif: where the folder docs is to be read, for links to each rule',
    );

/** @throws {UsageError} */
export function formatOf({ json, format, docsUrl }: FormatOptions): FindingFormat {
  if (json && format !== undefined && format !== 'json')
    throw new UsageError(`--json does not go with --format ${format}`, 'Give one of them.');
  if (docsUrl !== undefined && (format !== 'sarif' || !/^https:\/\/\S+$/.test(docsUrl)))
    throw new UsageError(
      '--docs-url is an https:// address, and goes with --format sarif',
      'Correct it, or leave it out.',
    );
  return format ?? (json ? 'json' : 'text');
}

/** The findings alone, for a machine. */
export function printItems(
  { out }: Terminal,
  items: readonly ReportItem[],
  { format, docsUrl, command, rules }: FormatOptions & { readonly command: string; readonly rules: Rules },
): void {
  const sorted = worstFirst(items);
  if (format === 'github') for (const line of githubAnnotations(sorted)) out.line(line);
  if (format !== 'sarif') return;
  const folder = docsUrl === undefined || docsUrl.endsWith('/') ? docsUrl : `${docsUrl}/`;
  const log = sarifLog(sorted, {
    command,
    version: packageVersion(),
    rules,
    ...(folder === undefined ? {} : { docsUrl: folder }),
  });
  out.line(JSON.stringify(log, null, 2));
}
