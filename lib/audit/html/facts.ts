/** What was compared, beside each other. */

import type { Catalogue } from '../../../lambda/audit/catalogue';
import { plural } from '../../../lambda/audit/names';
import type { Snapshot } from '../snapshot';
import { line } from './exact';
import type { ReportInput } from './index';
import { type Html, html } from './tag';

export const facts = ({ report, compared: { target, source }, where, from }: ReportInput): Html => html`
<section aria-labelledby="compared"><h2 id="compared">What was compared</h2>
<div class="sides">
${side('This database', where, target)}
${
  source && from !== null
    ? side('The source', from, source)
    : html`<div><h3>The source</h3><p>None was given: what was lost in a move cannot be seen (<code>--from</code>).</p></div>`
}
</div>
<p class="quiet">Looked for ${report.looked.kinds} kinds of findings in ${plural(report.looked.objects, 'object')}${
  report.looked.compared === null ? null : `, and compared with ${report.looked.compared} of the source`
}. No value of a row is on this page.</p></section>`;

function side(title: string, where: string, { catalogue, taken }: Snapshot): Html {
  const database = catalogue.database[0];
  return html`<div><h3>${title}</h3><dl class="facts">
<dt>Where</dt><dd>${line(where)}</dd>
<dt>Seen</dt><dd>${time(taken.at)}</dd>
<dt>Database</dt><dd>${database ? html`${line(database.name)}, PostgreSQL ${line(database.serverVersion)}` : 'unknown'}</dd>
<dt>Locale</dt><dd>${database ? line(localeOf(database)) : 'unknown'}</dd>
${taken.role === '' ? null : html`<dt>As role</dt><dd>${line(taken.role)}</dd>`}
<dt>Holds</dt><dd>${plural(catalogue.tables.length, 'table')}, ${plural(catalogue.constraints.length, 'constraint')}, ${plural(catalogue.functions.length, 'function')}</dd>
</dl></div>`;
}

const localeOf = ({ encoding, collate, locale }: Catalogue['database'][number]): string =>
  collate === '' ? 'unknown: a file does not tell' : `${encoding}, ${locale ?? collate}`;

/** `2026-11-22 17:50 UTC` */
export function time(at: string): Html {
  const shown = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d)/.exec(at);
  return shown ? html`<time datetime="${at}">${shown[1]} ${shown[2]} UTC</time>` : html`${line(at)}`;
}
