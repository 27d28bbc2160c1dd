/** What every kind says of itself on its page. */
import { CONFIDENCES } from '../../../lambda/audit/finding';
import type { FindingKind } from '../../../lambda/defects/kind';

export type AuditDescription = Pick<FindingKind, 'id' | 'title' | 'impact' | 'origin' | 'audit'>;

export const auditSection = ({
  id,
  audit: { confidences, remedy, blind },
}: AuditDescription): readonly string[] => [
  '## In an audit',
  `[\`trueup audit\`](../audit.md) calls it \`${id}\`.`,
  [
    '| confidence | when |',
    '|---|---|',
    ...CONFIDENCES.flatMap((confidence) =>
      confidences[confidence] ? [`| ${confidence} | ${confidences[confidence]} |`] : [],
    ),
  ].join('\n'),
  `**What to do.** ${remedy}`,
  ...(blind === undefined ? [] : [`**What it does not see.** ${blind}`]),
];
