/** The page as text, for a mail: one message in the order in which somebody who was woken reads. Pure. */
import type { PageDocument, PageFinding } from '../document/document';

export interface Page {
  /** At most 100 ASCII characters, as SNS wants it. */
  readonly subject: string;
  readonly text: string;
}

/** Bytes: SNS takes 256 KB. A thousand names have room in this, and what is described comes first. */
const LONGEST_TEXT = 100_000;
/** Kept free of findings, however long they are. */
const OTHERS_TEXT = 60_000;

const RULE = `\n\n${'-'.repeat(72)}\n\n`;

const LABELS = [
  ['NOW', 'now'],
  ['DO NOW', 'doNow'],
  ['CHECK', 'check'],
  ['WHY', 'why'],
  ['UNSEEN', 'unseen'],
  ['SINCE', 'since'],
  ['STMT', 'statements'],
  ['ERROR', 'error'],
] as const satisfies readonly (readonly [string, keyof PageFinding])[];

export function renderText(document: PageDocument): Page {
  const end = `\n\n${[...more(document)].join('\n')}`;
  const also = document.also.length === 0 ? '' : `\n\nALSO\n${indented(document.also)}`;
  const others = cut(also, OTHERS_TEXT);
  const room = LONGEST_TEXT - Buffer.byteLength(others) - Buffer.byteLength(end);
  const findings = cut(textOfFindings(document), room);
  return { subject: document.subject, text: findings + others + end };
}

/** Not within a character. */
function cut(text: string, longest: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= longest) return text;
  return `${bytes
    .subarray(0, Math.max(0, longest))
    .toString('utf8')
    .replace(/\ufffd$/, '')}\n… cut`;
}

const indented = (lines: readonly string[]): string => lines.map((line) => `  ${line}`).join('\n');

function textOfFindings({ findings, instead }: PageDocument): string {
  if (findings.length === 0) return instead.join('\n');
  if (findings.length === 1) return section(findings[0]!);
  return findings.map((each, i) => `${i + 1}. ${each.object} - ${each.title}\n${section(each)}`).join(RULE);
}

function section(finding: PageFinding): string {
  const { test, impact } = finding;
  return [
    ...(test ? ['This is a test: `trueup alarm-test` raised the error.', ''] : []),
    ...(impact.length > 0 ? [...impact, ''] : []),
    ...LABELS.flatMap(([label, field]) =>
      finding[field].map((line, i) => `${(i === 0 ? label : '').padEnd(9)}${line}`.trimEnd()),
    ),
  ].join('\n');
}

function* more({ alarm, counts, links, until, notes }: PageDocument): Generator<string> {
  yield 'MORE';
  for (const each of counts) yield `  ${each}`;
  for (const { label, url } of links) yield `  ${label.padEnd(9)}  ${url}`;
  if (alarm !== null)
    yield `  Alarm      ${`${alarm.name}, account ${alarm.account}, ${alarm.region}. ${until}`.trimEnd()}`;
  for (const each of notes) yield `  ${each}`;
}
