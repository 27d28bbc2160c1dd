/** docs/audit/<kind>.md, from what the kind says of itself and from what an audit said of its first case. */

import type { AuditFinding } from '../../../lambda/defects/findings';
import type { AuditCase } from './case';
import { type AuditDescription, auditSection } from './section';

const block = (language: string, text: string): string => `\`\`\`${language}\n${text.trim()}\n\`\`\``;

/** A statement a line. */
const lines = (sql: string): string => sql.replace(/; (?=[A-Z])/g, ';\n');

export function auditPage(
  kind: AuditDescription,
  example: AuditCase,
  found: AuditFinding,
  url: string,
): string {
  const { source, bad, shownBad = bad, workload } = example;
  const database = new URL(url).pathname.slice(1);
  const said = [
    `${found.confidence}  ${found.id}  ${found.object}`,
    `   ${found.message}`,
    ...found.evidence.map((line) => `   - ${line}`),
  ];
  const parts = [
    `# ${kind.title}`,
    kind.impact,
    '## Problem',
    kind.origin,
    ...(source === undefined
      ? ['For example:', block('sql', lines(bad))]
      : [
          'For example, the source:',
          block('sql', lines(source)),
          ...(shownBad === source ? [] : ['And after the move:', block('sql', lines(shownBad))]),
        ]),
    ...(workload === undefined ? [] : ['The application sends:', block('sql', workload)]),
    `${example.fullScan ? 'With `--full-scan`, the' : 'The'} audit says:`,
    block('text', said.join('\n').replaceAll(database, 'shop')),
    ...auditSection(kind),
  ];
  return `${parts.join('\n\n')}\n`;
}
