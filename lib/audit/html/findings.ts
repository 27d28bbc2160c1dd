/** Shows the findings of a table: what was found, its evidence, why it matters and what to do. */
import type { AuditFinding } from '../../../lambda/defects/findings';
import { CONFIDENCE_WORDS } from '../words';
import { renderConfidence, renderConfidenceCounts } from './confidences';
import { renderExact, renderExactLine } from './exact';
import { listFindings, type ReportBlock, type ReportGroup } from './groups';
import { type Html, html } from './tag';

/** Number of evidence lines that are shown; the rest is collapsed. */
const MAX_EVIDENCE_LINES = 6;

export interface FindingContext {
  /** Returns the anchor of a finding on the page. */
  readonly findAnchor: (finding: AuditFinding) => string;
  /** Returns the SQL that repairs a finding, or a link to it if the page shows it already; `null` if there is none. */
  readonly findRepair: (finding: AuditFinding) => Html | null;
}

export const renderGroup = (
  group: ReportGroup,
  place: FindingContext,
  options: { readonly id: string; readonly open: boolean; readonly picture: Html | null },
): Html => html`
<details class="group" id="${options.id}"${options.open ? html` open` : null}>
<summary><h3>${renderExactLine(group.title)}</h3> ${renderConfidenceCounts(listFindings(group))}</summary>
<div class="inside">${options.picture}
${group.blocks.map((block) => renderBlock(block, group.title, place))}</div></details>`;

function renderBlock({ kind, confidence, findings }: ReportBlock, of: string, place: FindingContext): Html {
  const { remedy, blind, confidences } = kind.audit;
  // For lost objects (confidence B), the explanation of the confidence would add nothing.
  const sure = confidence === 'B' ? undefined : confidences[confidence];
  return html`<section class="block"><h4>${renderConfidence(confidence)} ${kind.title} <code>${kind.id}</code></h4>
<ul class="findings">${findings.map((each) => renderFinding(each, of, place))}</ul>
<dl class="meaning">
<dt>Why it matters</dt><dd>${kind.impact} ${kind.origin}</dd>
<dt>What to do</dt><dd>${remedy}</dd>
${sure === undefined ? null : html`<dt>Confidence</dt><dd>${confidence}, ${CONFIDENCE_WORDS[confidence]}: ${sure}.</dd>`}
${blind === undefined ? null : html`<dt>What the check misses</dt><dd>${blind}</dd>`}</dl></section>`;
}

function renderFinding(finding: AuditFinding, of: string, { findAnchor, findRepair }: FindingContext): Html {
  const { id, confidence, object, message, evidence } = finding;
  const anchor = findAnchor(finding);
  return html`
<li class="finding" id="${anchor}" data-confidence="${confidence}" data-kind="${id}">
<p class="message">${renderExactLine(message)} <a class="anchor" href="#${anchor}" aria-label="Link to this finding">#</a></p>
${object === of ? null : html`<p class="object"><code>${renderExactLine(object)}</code></p>`}${renderEvidence(evidence)}${findRepair(finding)}</li>`;
}

function renderEvidence(evidence: readonly string[]): Html | null {
  if (evidence.length === 0) return null;
  const items = (lines: readonly string[]): Html =>
    html`<ul class="evidence">${lines.map((each) => html`<li>${renderExact(each)}</li>`)}</ul>`;
  if (evidence.length <= MAX_EVIDENCE_LINES) return items(evidence);
  return html`${items(evidence.slice(0, MAX_EVIDENCE_LINES))}<details><summary>${evidence.length - MAX_EVIDENCE_LINES} more lines of evidence</summary>${items(evidence.slice(MAX_EVIDENCE_LINES))}</details>`;
}
