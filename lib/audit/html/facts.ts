/** What was compared, beside each other. */

import type { Catalogue } from '../../../lambda/audit/catalogue';
import { plural } from '../../../lambda/audit/names';
import type { Snapshot } from '../snapshot';
import { line } from './exact';
import type { ReportInput } from './input';
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
  const isFile = taken.role === '';
  const rows: readonly (readonly [string, Html | readonly Html[] | null])[] = [
    ['Where', line(where)],
    [isFile ? 'Read' : 'Seen', time(taken.at)],
    ['Database', isFile || !database ? null : line(database.name)],
    [isFile ? 'Compared as' : 'Server', database ? line(`PostgreSQL ${database.serverVersion}`) : null],
    ['Locale', database?.encoding ? line(localeOf(database)) : null],
    ['As role', isFile ? null : line(taken.role)],
    ['Holds', html`${counted(catalogue)}`],
  ];
  return html`<div><h3>${title}</h3><dl class="facts">
${rows.map(([name, value]) => value && html`<dt>${name}</dt><dd>${value}</dd>\n`)}</dl></div>`;
}

const counted = ({ tables, constraints, functions }: Catalogue): string =>
  [
    plural(tables.length, 'table'),
    plural(constraints.length, 'constraint'),
    plural(functions.length, 'function'),
  ].join(', ');

const localeOf = ({ encoding, collate, locale }: Catalogue['database'][number]): string =>
  `${encoding}, ${locale ?? collate}`;

/** `2026-11-22 17:50 UTC` */
export function time(at: string): Html {
  const shown = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d)/.exec(at);
  return shown ? html`<time datetime="${at}">${shown[1]} ${shown[2]} UTC</time>` : html`${line(at)}`;
}
