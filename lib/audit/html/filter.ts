/** Filter form of the page. It stays hidden unless the page's script runs. */
import { CONFIDENCES } from '../../../lambda/audit/finding';
import type { AuditFinding } from '../../../lambda/defects/findings';
import { CONFIDENCE_WORDS } from '../words';
import { countConfidence } from './groups';
import { type Html, html } from './tag';

export const renderFilter = (findings: readonly AuditFinding[]): Html => html`
<form id="filter" role="search" aria-label="Findings" hidden>
<label class="words">Filter <input type="search" id="words" autocomplete="off" spellcheck="false" placeholder="table, check or word"></label>
<fieldset><legend>Confidences</legend>${CONFIDENCES.filter(
  (confidence) => countConfidence(findings, confidence) > 0,
).map(
  (confidence) =>
    html`<label class="confidence confidence-${confidence}"><input type="checkbox" name="confidence" value="${confidence}" checked> ${confidence} <span class="word">${CONFIDENCE_WORDS[confidence]}</span></label>`,
)}</fieldset>
<span class="buttons"><button type="button" id="open-all">Open all</button> <button type="button" id="close-all">Close all</button></span>
<output id="shown" for="words" aria-live="polite"></output>
</form>`;
