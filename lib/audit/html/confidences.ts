/** Shows confidences as marks and as counts. Each has a letter and a word, so that it does not depend on color. */
import { CONFIDENCES, type Confidence } from '../../../lambda/audit/finding';
import type { AuditFinding } from '../../../lambda/defects/findings';
import { CONFIDENCE_WORDS } from '../words';
import { countConfidence } from './groups';
import { type Html, html } from './tag';

export const renderConfidence = (confidence: Confidence): Html =>
  html`<span class="confidence confidence-${confidence}">${confidence} <span class="word">${CONFIDENCE_WORDS[confidence]}</span></span>`;

/** Shows the number of findings of each confidence. */
export const renderConfidenceCounts = (findings: readonly AuditFinding[]): Html =>
  html`<span class="counts">${CONFIDENCES.flatMap((confidence) => {
    const count = countConfidence(findings, confidence);
    return count === 0
      ? []
      : [
          html`<span class="confidence confidence-${confidence}">${count} <span class="word">${CONFIDENCE_WORDS[confidence]}</span></span>`,
        ];
  })}</span>`;

export const CONFIDENCE_MEANINGS: Readonly<Record<Confidence, string>> = {
  A: 'a statement of the application fails when it is planned, or the data or the catalog contradicts the schema',
  B: 'the source has it and this database does not',
  C: 'similar tables or columns of this database have it',
  D: 'many sound schemas do not follow this rule either',
};
