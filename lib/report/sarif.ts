/** SARIF 2.1.0 (https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html), which code scanning and editors read. */
import { createHash } from 'node:crypto';
import type { Location, Log, ReportingDescriptor, Result } from 'sarif';
import { harmless, harmlessSql } from '../../lambda/page/document/harmless';
import { type ReportItem, textOf } from './item';
import type { Rules } from './rules';

export interface SarifOptions {
  /** `check` or `audit`: keeps the results of one from replacing those of the other. */
  readonly command: string;
  /** Of Trueup. */
  readonly version: string;
  readonly rules: Rules;
  /** Where docs/ is to be read, with a slash at the end. @default - rules name their page, without a link */
  readonly docsUrl?: string;
}

export function sarifLog(items: readonly ReportItem[], options: SarifOptions): Log {
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
            rules: ids.map((id) => descriptor(id, options)),
          },
        },
        automationDetails: { id: `trueup-${options.command}/` },
        // As Problem counts them.
        columnKind: 'unicodeCodePoints',
        results: items.map((item) => result(item, ids.indexOf(item.rule), seen)),
      },
    ],
  };
}

function descriptor(id: string, { rules, docsUrl }: SarifOptions): ReportingDescriptor {
  const { title, page } = rules.get(id) ?? { title: id, page: '' };
  const url = docsUrl === undefined ? undefined : `${docsUrl}${page}`;
  return {
    id,
    shortDescription: { text: title },
    help: { text: `${title}\nSee docs/${page} of Trueup.`, markdown: `${title}\n\nSee ${link(page, url)}.` },
    ...(url === undefined ? {} : { helpUri: url }),
  };
}

const link = (page: string, url: string | undefined): string =>
  url === undefined ? `\`docs/${page}\` of Trueup` : `[docs/${page}](${url})`;

function result(item: ReportItem, ruleIndex: number, seen: Map<string, number>): Result {
  const { rule, level, object } = item;
  // Not the line: what stands above it changes, and the finding is the same.
  const about = JSON.stringify([rule, item.file, object, item.message]);
  const nth = (seen.get(about) ?? 0) + 1;
  seen.set(about, nth);
  return {
    ruleId: rule,
    ruleIndex,
    level,
    message: { text: plain(textOf(item)) },
    locations: [location(item)],
    partialFingerprints: {
      'trueup/v1': createHash('sha256').update(`${about}${nth}`).digest('hex'),
    },
  };
}

/** Without what a reader of SARIF would make a link of. */
const plain = (text: string): string => text.split('\n').map(harmlessSql).join('\n').replaceAll('](', '] (');

function location({ file, line, column, object }: ReportItem): Location {
  const region =
    line === null ? {} : { region: { startLine: line, ...(column === null ? {} : { startColumn: column }) } };
  return {
    ...(file === null
      ? {}
      : {
          physicalLocation: { artifactLocation: { uri: uriOf(file), uriBaseId: '%SRCROOT%' }, ...region },
        }),
    ...(object === null ? {} : { logicalLocations: [{ fullyQualifiedName: harmless(object) }] }),
  };
}

/** Half of a surrogate pair, which a file's name may hold, is no text. */
const uriOf = (file: string): string =>
  Buffer.from(file, 'utf8').toString('utf8').split('/').map(encodeURIComponent).join('/');
