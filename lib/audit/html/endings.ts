/** Sections at the end of the page: suppressed findings, obsolete suppressions, and what was not checked. */

import { groupBy } from '../../../lambda/audit/compare/pair';
import { formatCount, formatReference } from '../../../lambda/audit/names';
import type { NotCheckedItem } from '../../../lambda/audit/not-checked';
import type { AuditReport } from '../audit';
import { renderExactLine } from './exact';
import { type Html, html } from './tag';

const MAX_NAMES = 5;

export const renderNotChecked = ({ notChecked }: AuditReport): Html => html`
<section aria-labelledby="not-checked"><h2 id="not-checked">Not checked</h2>
${
  notChecked.length === 0
    ? html`<p>Everything was checked.</p>`
    : html`<p>These were not checked, so they may or may not have problems.</p>
<ul class="not-checked">${[...groupBy(notChecked, ({ what, why }) => `${what}\0${why}`).values()].map(renderReason)}</ul>`
}</section>`;

function renderReason(group: readonly NotCheckedItem[]): Html {
  const { what, why } = group[0]!;
  const names = group.flatMap(({ of }) => (of ? [formatReference(of)] : []));
  return html`<li><strong>${renderExactLine(what)}</strong>: ${renderExactLine(why)}${names.length === 0 ? '.' : null}${renderNameList(names)}</li>`;
}

function renderNameList(names: readonly string[]): Html | null {
  if (names.length === 0) return null;
  const list = (some: readonly string[]): Html =>
    html`<ul class="names">${some.map((name) => html`<li><code>${renderExactLine(name)}</code></li>`)}</ul>`;
  return names.length <= MAX_NAMES
    ? list(names)
    : html`<details><summary>${formatCount(names.length, 'name')}</summary>${list(names)}</details>`;
}

export const renderSuppressions = ({ suppressed, obsolete }: AuditReport): Html | null =>
  suppressed.length + obsolete.length === 0
    ? null
    : html`<section aria-labelledby="suppressed"><h2 id="suppressed">Suppressed</h2>
<p>These findings are suppressed by the file given with <code>--suppressions</code>, each with a reason.</p>
<ul class="not-checked">${suppressed.map(
        ({ id, object, reason: why }) =>
          html`<li><code>${id}</code> ${renderExactLine(object)}: ${renderExactLine(why)}</li>`,
      )}${obsolete.map(
        ({ id, object, line: at }) =>
          html`<li><code>${id}</code> ${renderExactLine(object)}: obsolete, because it matches no finding; remove line ${at} of the file.</li>`,
      )}</ul></section>`;
