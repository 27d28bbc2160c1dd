/** Grades, as marks and as counts. A letter and a word, not a colour alone. */
import { GRADES, type Grade } from '../../../lambda/audit/finding';
import type { AuditFinding } from '../../../lambda/defects/findings';
import { GRADE_WORDS } from '../words';
import { countOf } from './groups';
import { type Html, html } from './tag';

export const gradeMark = (grade: Grade): Html =>
  html`<span class="grade grade-${grade}">${grade} <span class="word">${GRADE_WORDS[grade]}</span></span>`;

/** `1 A, 4 B` */
export const gradeCounts = (findings: readonly AuditFinding[]): Html =>
  html`<span class="counts">${GRADES.flatMap((grade) => {
    const count = countOf(findings, grade);
    return count === 0
      ? []
      : [
          html`<span class="grade grade-${grade}">${count} <span class="word">${GRADE_WORDS[grade]}</span></span>`,
        ];
  })}</span>`;

export const GRADE_MEANS: Readonly<Record<Grade, string>> = {
  A: 'a statement of the application fails when it is planned, or the data or the catalogue contradicts the schema',
  B: 'the source has it, and this database does not',
  C: 'its siblings have it',
  D: 'many healthy schemas do not follow it either',
};
