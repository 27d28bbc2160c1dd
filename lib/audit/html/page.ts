/** The page from top to bottom. */
import { GRADES, type Grade } from '../../../lambda/audit/finding';
import { plural } from '../../../lambda/audit/names';
import type { AuditFinding } from '../../../lambda/defects/findings';
import { GRADE_WORDS } from '../words';
import { anchors } from './anchors';
import { concerns } from './concerns';
import { documentOf } from './document';
import { acceptedSection, notSeenSection } from './endings';
import { line } from './exact';
import { facts, time } from './facts';
import { filter } from './filter';
import { groupSection } from './findings';
import { GRADE_MEANS } from './grades';
import { graphAround, tablesOf } from './graph';
import { countOf, findingsIn, type Group, groupsOf } from './groups';
import type { ReportInput } from './input';
import { picture } from './picture';
import { aboutRepairs, repairOf } from './repairs';
import { type Html, html } from './tag';
import { verdictOf } from './verdict';
import { short } from './width';

/** With more findings, only tables with proved ones are open. */
const OPEN = 12;
/** A browser shows this many well, and nobody reads more. */
export const MOST_FINDINGS = 2_000;
const MOST_PICTURES = 200;

export function pageOf(input: ReportInput): Html {
  const { report, compared, where } = input;
  const { sentence, reach } = verdictOf(report);
  const findings = report.findings.slice(0, MOST_FINDINGS);
  const catalogues = [compared.target, compared.source].flatMap((side) => side?.catalogue ?? []);
  const groups = groupsOf(findings, catalogues);
  const anchorOf = anchors(findings);
  const database = compared.target.catalogue.database[0]?.name ?? where;
  return documentOf(
    `Audit of ${short(database, 80)}`,
    html`<header><h1>Audit of ${line(database)}</h1>
<p class="verdict">${sentence}</p><p>${reach}${report.notSeen.length > 0 ? html` What could not be looked at is listed under <a href="#not-seen">Not seen</a>: nothing is said of it.` : null}</p>
<p class="quiet">${line(where)}, ${time(compared.target.taken.at)}, Trueup ${line(compared.target.taken.version)}</p></header>
<main>
${gradeTiles(input)}
${contents(findings, anchorOf)}
${facts(input)}
<section aria-labelledby="findings"><h2 id="findings">Findings</h2>
${findings.length === 0 ? html`<p>None.</p>` : filter(findings)}
${aboutRepairs(input.repairs)}${bounds(report.findings, groups)}${groupSections(groups, input, anchorOf)}
<p id="none-left" hidden>No finding fits the filter.</p></section>
${acceptedSection(report)}
${notSeenSection(report)}
</main>`,
  );
}

function gradeTiles({ report: { findings, hidden }, minGrade }: ReportInput): Html {
  const shown = GRADES.filter((grade) => grade <= minGrade);
  return html`<section aria-labelledby="grades"><h2 id="grades" class="aside">How many, and how sure</h2>
<dl class="tiles">${shown.map(
    (grade) => html`<div class="tile grade-${grade}"><dt>${grade} <span>${GRADE_WORDS[grade]}</span></dt>
<dd><strong>${countOf(findings, grade)}</strong> ${GRADE_MEANS[grade]}</dd></div>`,
  )}</dl>${
    hidden === 0
      ? null
      : html`<p class="quiet">${plural(hidden, 'less sure finding')} ${hidden === 1 ? 'is' : 'are'} not on this page (<code>--min-grade ${minGrade}</code>).</p>`
  }</section>`;
}

function bounds(all: readonly AuditFinding[], groups: readonly Group[]): Html | null {
  const said = [
    all.length > MOST_FINDINGS
      ? `The surest ${MOST_FINDINGS} of ${all.length} findings are on this page; --json prints all of them, and --write writes the SQL of all.`
      : '',
    groups.length > MOST_PICTURES ? `Only the first ${MOST_PICTURES} tables have a picture.` : '',
  ].filter((each) => each !== '');
  return said.length === 0 ? null : html`<p class="quiet">${said.join(' ')}</p>`;
}

function groupSections(
  groups: readonly Group[],
  { compared, report, repairs }: ReportInput,
  anchorOf: (finding: AuditFinding) => string,
): readonly Html[] {
  const here = tablesOf(compared.target.catalogue);
  const source = compared.source ? tablesOf(compared.source.catalogue) : null;
  const concernsOf = concerns(compared.differences);
  const place = { anchorOf, repairOf: repairOf(repairs) };
  return groups.map((group, i) => {
    const own = findingsIn(group);
    const id = `group-${i + 1}`;
    const around =
      i < MOST_PICTURES && group.table !== null
        ? graphAround(group.table, here, source, concernsOf(own))
        : null;
    return groupSection(group, place, {
      id,
      open: report.findings.length <= OPEN || own.some(({ grade }) => grade === 'A'),
      picture: around && picture(around, `${id}-picture`),
    });
  });
}

/** The same findings by grade, to jump to. */
function contents(
  findings: readonly AuditFinding[],
  anchorOf: (finding: AuditFinding) => string,
): Html | null {
  if (findings.length === 0) return null;
  const list = (grade: Grade): Html | null => {
    const own = findings.filter((each) => each.grade === grade);
    if (own.length === 0) return null;
    return html`<details><summary>${grade}, ${GRADE_WORDS[grade]}: ${plural(own.length, 'finding')}</summary>
<ol>${own.map((each) => html`<li><a href="#${anchorOf(each)}"><code>${each.id}</code> ${line(each.object)}</a></li>`)}</ol></details>`;
  };
  return html`<nav aria-labelledby="by-grade"><h2 id="by-grade" class="aside">Findings by grade</h2>${GRADES.map(list)}</nav>`;
}
