/** `--format`: the formats in which findings are printed. */
import { type Command, Option } from 'commander';
import { packageVersion } from '../package';
import { formatGitHubAnnotations } from '../report/github';
import { type ReportItem, sortByLevel } from '../report/item';
import type { RuleTexts } from '../report/rules';
import { buildSarifLog } from '../report/sarif';
import { UsageError } from './terminal/failure';
import type { GlobalOptions, Terminal } from './terminal/terminal';

const FINDING_FORMATS = ['text', 'json', 'github', 'sarif'] as const;
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
        'output format; github is for annotations of a pull request, sarif for code scanning',
      ).choices([...FINDING_FORMATS]),
    )
    .option('--docs-url <url>', 'with --format sarif: address of the documentation, for links to each rule');

/**
 * Returns the chosen format.
 * @throws {UsageError}
 */
export function resolveFormat({ json, format, docsUrl }: FormatOptions): FindingFormat {
  if (json && format !== undefined && format !== 'json')
    throw new UsageError(
      `--json cannot be combined with --format ${format}`,
      'Remove one of the two options.',
    );
  if (docsUrl !== undefined && (format !== 'sarif' || !/^https:\/\/\S+$/.test(docsUrl)))
    throw new UsageError(
      '--docs-url must be an https:// address and requires --format sarif',
      'Correct the option or remove it.',
    );
  return format ?? (json ? 'json' : 'text');
}

/** Prints only the findings, in a machine-readable format. */
export function printItems(
  { out }: Terminal,
  items: readonly ReportItem[],
  {
    format,
    docsUrl,
    command,
    rules,
  }: FormatOptions & { readonly command: string; readonly rules: RuleTexts },
): void {
  const sorted = sortByLevel(items);
  if (format === 'github') for (const line of formatGitHubAnnotations(sorted)) out.line(line);
  if (format !== 'sarif') return;
  const folder = docsUrl === undefined || docsUrl.endsWith('/') ? docsUrl : `${docsUrl}/`;
  const log = buildSarifLog(sorted, {
    command,
    version: packageVersion(),
    rules,
    ...(folder === undefined ? {} : { docsUrl: folder }),
  });
  out.line(JSON.stringify(log, null, 2));
}
