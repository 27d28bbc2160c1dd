/** What the page's script shows and uses: without it, it stays hidden. */
import { GRADES } from '../../../lambda/audit/finding';
import type { AuditFinding } from '../../../lambda/defects/findings';
import { GRADE_WORDS } from '../words';
import { countOf } from './groups';
import { type Html, html } from './tag';

export const filter = (findings: readonly AuditFinding[]): Html => html`
<form id="filter" role="search" aria-label="Findings" hidden>
<label class="words">Filter <input type="search" id="words" autocomplete="off" spellcheck="false" placeholder="a table, a kind, a word"></label>
<fieldset><legend>Grades</legend>${GRADES.filter((grade) => countOf(findings, grade) > 0).map(
  (grade) =>
    html`<label class="grade grade-${grade}"><input type="checkbox" name="grade" value="${grade}" checked> ${grade} <span class="word">${GRADE_WORDS[grade]}</span></label>`,
)}</fieldset>
<span class="buttons"><button type="button" id="open-all">Open all</button> <button type="button" id="close-all">Close all</button></span>
<output id="shown" for="words" aria-live="polite"></output>
</form>`;
