/** What is no finding: accepted, gone, and not seen. */

import { grouped } from '../../../lambda/audit/compare/pair';
import { pathOf, plural } from '../../../lambda/audit/names';
import type { NotSeen } from '../../../lambda/audit/not-seen';
import type { AuditReport } from '../audit';
import { line } from './exact';
import { type Html, html } from './tag';

const NAMED = 5;

export const notSeenSection = ({ notSeen }: AuditReport): Html => html`
<section aria-labelledby="not-seen"><h2 id="not-seen">Not seen</h2>
${
  notSeen.length === 0
    ? html`<p>Nothing was left out.</p>`
    : html`<p>Nothing is said of these. They may be as they should, or not.</p>
<ul class="unseen">${[...grouped(notSeen, ({ what, why }) => `${what}\0${why}`).values()].map(reason)}</ul>`
}</section>`;

function reason(group: readonly NotSeen[]): Html {
  const { what, why } = group[0]!;
  const names = group.flatMap(({ of }) => (of ? [pathOf(of)] : []));
  return html`<li><strong>${line(what)}</strong>: ${line(why)}${names.length === 0 ? '.' : null}${nameList(names)}</li>`;
}

function nameList(names: readonly string[]): Html | null {
  if (names.length === 0) return null;
  const list = (some: readonly string[]): Html =>
    html`<ul class="names">${some.map((name) => html`<li><code>${line(name)}</code></li>`)}</ul>`;
  return names.length <= NAMED
    ? list(names)
    : html`<details><summary>${plural(names.length, 'name')}</summary>${list(names)}</details>`;
}

export const acceptedSection = ({ accepted, gone }: AuditReport): Html | null =>
  accepted.length + gone.length === 0
    ? null
    : html`<section aria-labelledby="accepted"><h2 id="accepted">Accepted</h2>
<p>Somebody accepted these, each with a reason (<code>--accept</code>). They are no findings.</p>
<ul class="unseen">${accepted.map(
        ({ id, object, reason: why }) => html`<li><code>${id}</code> ${line(object)}: ${line(why)}</li>`,
      )}${gone.map(
        ({ id, object, line: at }) =>
          html`<li><code>${id}</code> ${line(object)}: nothing of it is found any more; take line ${at} out of the file.</li>`,
      )}</ul></section>`;
