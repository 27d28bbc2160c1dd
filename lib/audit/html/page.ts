/** Assembles the page. */
import { CONFIDENCES, type Confidence } from '../../../lambda/audit/finding';
import { formatCount } from '../../../lambda/audit/names';
import type { AuditFinding } from '../../../lambda/defects/findings';
import { CONFIDENCE_WORDS } from '../words';
import { createAnchors } from './anchors';
import { indexColumnFindings } from './concerns';
import { CONFIDENCE_MEANINGS } from './confidences';
import { renderDocument } from './document';
import { renderNotChecked, renderSuppressions } from './endings';
import { renderExactLine } from './exact';
import { renderFacts, renderTime } from './facts';
import { renderFilter } from './filter';
import { renderGroup } from './findings';
import { buildGraph, indexTables } from './graph';
import { countConfidence, groupFindingsByObject, listFindings, type ReportGroup } from './groups';
import type { ReportInput } from './input';
import { renderPicture } from './picture';
import { createRepairRenderer, renderRepairsNote } from './repairs';
import { type Html, html } from './tag';
import { buildVerdict } from './verdict';
import { truncateText } from './width';

/** With more findings than this, only tables with confirmed findings are expanded. */
const MAX_FINDINGS_OPEN = 12;
/** Maximum number of findings on the page, which a browser still shows smoothly. More would not be read. */
export const MAX_FINDINGS = 2_000;
const MAX_PICTURES = 200;

export function renderReportPage(input: ReportInput): Html {
  const { report, compared, where } = input;
  const { sentence, reach } = buildVerdict(report);
  const findings = report.findings.slice(0, MAX_FINDINGS);
  const catalogs = [compared.target, compared.source].flatMap((side) => side?.catalog ?? []);
  const groups = groupFindingsByObject(findings, catalogs);
  const findAnchor = createAnchors(findings);
  const database = compared.target.catalog.database[0]?.name ?? where;
  return renderDocument(
    `Audit of ${truncateText(database, 80)}`,
    html`<header><h1>Audit of ${renderExactLine(database)}</h1>
<p class="verdict">${sentence}</p><p>${reach}${report.notChecked.length > 0 ? html` What could not be checked is listed under <a href="#not-checked">Not checked</a>.` : null}</p>
<p class="quiet">${renderExactLine(where)}, ${renderTime(compared.target.taken.at)}, Trueup ${renderExactLine(compared.target.taken.version)}</p></header>
<main>
${renderConfidenceTiles(input)}
${renderContents(findings, findAnchor)}
${renderFacts(input)}
<section aria-labelledby="findings"><h2 id="findings">Findings</h2>
${findings.length === 0 ? html`<p>None.</p>` : renderFilter(findings)}
${renderRepairsNote(input.repairs)}${renderLimits(report.findings, groups)}${renderGroups(groups, input, findAnchor)}
<p id="none-left" hidden>No finding matches the filter.</p></section>
${renderSuppressions(report)}
${renderNotChecked(report)}
</main>`,
  );
}

function renderConfidenceTiles({ report: { findings, hidden }, minConfidence }: ReportInput): Html {
  const shown = CONFIDENCES.filter((confidence) => confidence <= minConfidence);
  return html`<section aria-labelledby="confidences"><h2 id="confidences" class="aside">Findings and their confidence</h2>
<dl class="tiles">${shown.map(
    (
      confidence,
    ) => html`<div class="tile confidence-${confidence}"><dt>${confidence} <span>${CONFIDENCE_WORDS[confidence]}</span></dt>
<dd><strong>${countConfidence(findings, confidence)}</strong> ${CONFIDENCE_MEANINGS[confidence]}</dd></div>`,
  )}</dl>${
    hidden === 0
      ? null
      : html`<p class="quiet">${formatCount(hidden, 'finding')} of lower confidence ${hidden === 1 ? 'is' : 'are'} not on this page (<code>--min-confidence ${minConfidence}</code>).</p>`
  }</section>`;
}

function renderLimits(all: readonly AuditFinding[], groups: readonly ReportGroup[]): Html | null {
  const said = [
    all.length > MAX_FINDINGS
      ? `This page has the ${MAX_FINDINGS} most certain of ${all.length} findings; --json prints all findings, and --write writes the SQL for all.`
      : '',
    groups.length > MAX_PICTURES ? `Only the first ${MAX_PICTURES} tables have a diagram.` : '',
  ].filter((each) => each !== '');
  return said.length === 0 ? null : html`<p class="quiet">${said.join(' ')}</p>`;
}

function renderGroups(
  groups: readonly ReportGroup[],
  { compared, report, repairs }: ReportInput,
  findAnchor: (finding: AuditFinding) => string,
): readonly Html[] {
  const here = indexTables(compared.target.catalog);
  const source = compared.source ? indexTables(compared.source.catalog) : null;
  const findConcerns = indexColumnFindings(compared.differences);
  const place = { findAnchor, findRepair: createRepairRenderer(repairs) };
  return groups.map((group, i) => {
    const own = listFindings(group);
    const id = `group-${i + 1}`;
    const around =
      i < MAX_PICTURES && group.table !== null
        ? buildGraph(group.table, here, source, findConcerns(own))
        : null;
    return renderGroup(group, place, {
      id,
      open: report.findings.length <= MAX_FINDINGS_OPEN || own.some(({ confidence }) => confidence === 'A'),
      picture: around && renderPicture(around, `${id}-picture`),
    });
  });
}

/** Lists the findings by confidence, as links. */
function renderContents(
  findings: readonly AuditFinding[],
  findAnchor: (finding: AuditFinding) => string,
): Html | null {
  if (findings.length === 0) return null;
  const list = (confidence: Confidence): Html | null => {
    const own = findings.filter((each) => each.confidence === confidence);
    if (own.length === 0) return null;
    return html`<details><summary>${confidence}, ${CONFIDENCE_WORDS[confidence]}: ${formatCount(own.length, 'finding')}</summary>
<ol>${own.map((each) => html`<li><a href="#${findAnchor(each)}"><code>${each.id}</code> ${renderExactLine(each.object)}</a></li>`)}</ol></details>`;
  };
  return html`<nav aria-labelledby="by-confidence"><h2 id="by-confidence" class="aside">Findings by confidence</h2>${CONFIDENCES.map(list)}</nav>`;
}
