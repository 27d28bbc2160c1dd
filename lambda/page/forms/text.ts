/** Renders a page as text for a mail, in the order in which an on-call engineer needs it. Pure. */
import type { PageDocument, PageFinding } from '../document/document';

export interface TextPage {
  /** At most 100 ASCII characters, the limit of SNS. */
  readonly subject: string;
  readonly text: string;
}

/**
 * Maximum size in bytes. SNS accepts 256 KB. A thousand names fit into this limit, and the described findings come
 * first.
 */
const MAX_TEXT_BYTES = 100_000;
/** Bytes reserved for the errors that are listed by name only, no matter how long the findings are. */
const OTHER_FINDINGS_BYTES = 60_000;

const HORIZONTAL_RULE = `\n\n${'-'.repeat(72)}\n\n`;

const SECTION_LABELS = [
  ['NOW', 'now'],
  ['DO NOW', 'remedy'],
  ['CHECK', 'check'],
  ['WHY', 'why'],
  ['UNSEEN', 'notChecked'],
  ['SINCE', 'since'],
  ['STMT', 'statements'],
  ['ERROR', 'error'],
] as const satisfies readonly (readonly [string, keyof PageFinding])[];

export function renderText(document: PageDocument): TextPage {
  const end = `\n\n${[...renderFooter(document)].join('\n')}`;
  const also =
    document.additionalFindings.length === 0 ? '' : `\n\nALSO\n${indentLines(document.additionalFindings)}`;
  const others = truncateBytes(also, OTHER_FINDINGS_BYTES);
  const room = MAX_TEXT_BYTES - Buffer.byteLength(others) - Buffer.byteLength(end);
  const findings = truncateBytes(renderFindings(document), room);
  return { subject: document.subject, text: findings + others + end };
}

/** Cuts text without splitting a character. */
function truncateBytes(text: string, longest: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= longest) return text;
  return `${bytes
    .subarray(0, Math.max(0, longest))
    .toString('utf8')
    .replace(/\ufffd$/, '')}\n… cut`;
}

const indentLines = (lines: readonly string[]): string => lines.map((line) => `  ${line}`).join('\n');

function renderFindings({ findings, fallback: instead }: PageDocument): string {
  if (findings.length === 0) return instead.join('\n');
  if (findings.length === 1) return renderSection(findings[0]!);
  return findings
    .map((each, i) => `${i + 1}. ${each.object} - ${each.title}\n${renderSection(each)}`)
    .join(HORIZONTAL_RULE);
}

function renderSection(finding: PageFinding): string {
  const { test, impact } = finding;
  return [
    ...(test ? ['This is a test: `trueup alarm-test` raised the error.', ''] : []),
    ...(impact.length > 0 ? [...impact, ''] : []),
    ...SECTION_LABELS.flatMap(([label, field]) =>
      finding[field].map((line, i) => `${(i === 0 ? label : '').padEnd(9)}${line}`.trimEnd()),
    ),
  ].join('\n');
}

function* renderFooter({
  alarm,
  counts,
  links,
  resolvesWhen: until,
  notes,
}: PageDocument): Generator<string> {
  yield 'MORE';
  for (const each of counts) yield `  ${each}`;
  for (const { label, url } of links) yield `  ${label.padEnd(9)}  ${url}`;
  if (alarm !== null)
    yield `  Alarm      ${`${alarm.name}, account ${alarm.account}, ${alarm.region}. ${until}`.trimEnd()}`;
  for (const each of notes) yield `  ${each}`;
}
