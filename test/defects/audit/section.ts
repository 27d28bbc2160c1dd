/** What every kind says of itself on its page. */
import { GRADES } from '../../../lambda/audit/finding';
import type { Kind } from '../../../lambda/defects/kind';

export type AuditDescription = Pick<Kind, 'id' | 'title' | 'impact' | 'origin' | 'audit'>;

export const auditSection = ({
  id,
  audit: { grades, remedy, blind },
}: AuditDescription): readonly string[] => [
  '## In an audit',
  `[\`trueup audit\`](../audit.md) calls it \`${id}\`.`,
  [
    '| grade | when |',
    '|---|---|',
    ...GRADES.flatMap((grade) => (grades[grade] ? [`| ${grade} | ${grades[grade]} |`] : [])),
  ].join('\n'),
  `**What to do.** ${remedy}`,
  ...(blind === undefined ? [] : [`**What it does not see.** ${blind}`]),
];
