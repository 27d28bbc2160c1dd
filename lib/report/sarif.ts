/**
 * Writes SARIF 2.1.0 (https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html), which code scanning and
 * editors read.
 */
import { createHash } from 'node:crypto';
import type { Location, Log, ReportingDescriptor, Result } from 'sarif';
import { escapeForDisplay, escapeSqlForDisplay } from '../../lambda/page/document/escape-text';
import { formatItemText, type ReportItem } from './item';
import type { RuleTexts } from './rules';

export interface SarifOptions {
  /** `check` or `audit`. It prevents the results of one from replacing those of the other. */
  readonly command: string;
  /** Version of Trueup. */
  readonly version: string;
  readonly rules: RuleTexts;
  /**
   * URL of the folder docs, with a slash at the end.
   * @default - rules name their page without a link
   */
  readonly docsUrl?: string;
}

export function buildSarifLog(items: readonly ReportItem[], options: SarifOptions): Log {
  const ids = [...new Set(items.map(({ rule }) => rule))];
  const seen = new Map<string, number>();
  return {
    $schema: 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'Trueup',
            semanticVersion: options.version,
            rules: ids.map((id) => buildDescriptor(id, options)),
          },
        },
        automationDetails: { id: `trueup-${options.command}/` },
        // `Problem` counts columns in the same way.
        columnKind: 'unicodeCodePoints',
        results: items.map((item) => buildResult(item, ids.indexOf(item.rule), seen)),
      },
    ],
  };
}

function buildDescriptor(id: string, { rules, docsUrl }: SarifOptions): ReportingDescriptor {
  const { title, page } = rules.get(id) ?? { title: id, page: '' };
  const url = docsUrl === undefined ? undefined : `${docsUrl}${page}`;
  return {
    id,
    shortDescription: { text: title },
    help: {
      text: `${title}\nSee docs/${page} of Trueup.`,
      markdown: `${title}\n\nSee ${formatLink(page, url)}.`,
    },
    ...(url === undefined ? {} : { helpUri: url }),
  };
}

const formatLink = (page: string, url: string | undefined): string =>
  url === undefined ? `\`docs/${page}\` of Trueup` : `[docs/${page}](${url})`;

function buildResult(item: ReportItem, ruleIndex: number, seen: Map<string, number>): Result {
  const { rule, level, object } = item;
  // The line is left out: it changes with the text above, while the finding stays the same.
  const about = JSON.stringify([rule, item.file, object, item.message]);
  const nth = (seen.get(about) ?? 0) + 1;
  seen.set(about, nth);
  return {
    ruleId: rule,
    ruleIndex,
    level,
    message: { text: escapeLinks(formatItemText(item)) },
    locations: [buildLocation(item)],
    partialFingerprints: {
      'trueup/v1': createHash('sha256').update(`${about}${nth}`).digest('hex'),
    },
  };
}

/** Prevents a SARIF viewer from interpreting text as a link. */
const escapeLinks = (text: string): string =>
  text.split('\n').map(escapeSqlForDisplay).join('\n').replaceAll('](', '] (');

function buildLocation({ file, line, column, object }: ReportItem): Location {
  const region =
    line === null ? {} : { region: { startLine: line, ...(column === null ? {} : { startColumn: column }) } };
  return {
    ...(file === null
      ? {}
      : {
          physicalLocation: { artifactLocation: { uri: toUri(file), uriBaseId: '%SRCROOT%' }, ...region },
        }),
    ...(object === null ? {} : { logicalLocations: [{ fullyQualifiedName: escapeForDisplay(object) }] }),
  };
}

/** Converts a path to a URI. A file name may contain half of a surrogate pair, which is not valid text. */
const toUri = (file: string): string =>
  Buffer.from(file, 'utf8').toString('utf8').split('/').map(encodeURIComponent).join('/');
