/** Findings, by table: what, what shows it, why it matters, what to do. */
import type { AuditFinding } from '../../../lambda/defects/findings';
import { GRADE_WORDS } from '../words';
import { exact, line } from './exact';
import { gradeCounts, gradeMark } from './grades';
import { type Block, findingsIn, type Group } from './groups';
import { type Html, html } from './tag';

/** Longer lists of evidence are folded. */
const LINES = 6;

export interface Place {
  /** Of the page. */
  readonly anchorOf: (finding: AuditFinding) => string;
  /** The SQL that mends it, once on the page; null where there is none. */
  readonly repairOf: (finding: AuditFinding) => Html | null;
}

export const groupSection = (
  group: Group,
  place: Place,
  options: { readonly id: string; readonly open: boolean; readonly picture: Html | null },
): Html => html`
<details class="group" id="${options.id}"${options.open ? html` open` : null}>
<summary><h3>${line(group.title)}</h3> ${gradeCounts(findingsIn(group))}</summary>
<div class="inside">${options.picture}
${group.blocks.map((block) => blockOf(block, group.title, place))}</div></details>`;

function blockOf({ kind, grade, findings }: Block, of: string, place: Place): Html {
  const { remedy, blind, grades } = kind.audit;
  // Of what was lost it says nothing new.
  const sure = grade === 'B' ? undefined : grades[grade];
  return html`<section class="block"><h4>${gradeMark(grade)} ${kind.title} <code>${kind.id}</code></h4>
<ul class="findings">${findings.map((each) => findingItem(each, of, place))}</ul>
<dl class="meaning">
<dt>Why it matters</dt><dd>${kind.impact} ${kind.origin}</dd>
<dt>What to do</dt><dd>${remedy}</dd>
${sure === undefined ? null : html`<dt>How sure</dt><dd>${grade}, ${GRADE_WORDS[grade]}: ${sure}.</dd>`}
${blind === undefined ? null : html`<dt>What it cannot see</dt><dd>${blind}</dd>`}</dl></section>`;
}

function findingItem(finding: AuditFinding, of: string, { anchorOf, repairOf }: Place): Html {
  const { id, grade, object, message, evidence } = finding;
  const anchor = anchorOf(finding);
  return html`
<li class="finding" id="${anchor}" data-grade="${grade}" data-kind="${id}">
<p class="message">${line(message)} <a class="anchor" href="#${anchor}" aria-label="Link to this finding">#</a></p>
${object === of ? null : html`<p class="object"><code>${line(object)}</code></p>`}${evidenceOf(evidence)}${repairOf(finding)}</li>`;
}

function evidenceOf(evidence: readonly string[]): Html | null {
  if (evidence.length === 0) return null;
  const items = (lines: readonly string[]): Html =>
    html`<ul class="evidence">${lines.map((each) => html`<li>${exact(each)}</li>`)}</ul>`;
  if (evidence.length <= LINES) return items(evidence);
  return html`${items(evidence.slice(0, LINES))}<details><summary>${evidence.length - LINES} more lines of evidence</summary>${items(evidence.slice(LINES))}</details>`;
}
