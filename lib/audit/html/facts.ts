/** Shows the compared databases side by side. */

import type { Catalog } from '../../../lambda/audit/catalog';
import { formatCount } from '../../../lambda/audit/names';
import type { Snapshot } from '../snapshot';
import { renderExactLine } from './exact';
import type { ReportInput } from './input';
import { type Html, html } from './tag';

export const renderFacts = ({ report, compared: { target, source }, where, from }: ReportInput): Html => html`
<section aria-labelledby="compared"><h2 id="compared">What was compared</h2>
<div class="sides">
${renderSide('This database', where, target)}
${
  source && from !== null
    ? renderSide('The source', from, source)
    : html`<div><h3>The source</h3><p>No source was given (<code>--from</code>), so objects lost in a move cannot be found.</p></div>`
}
</div>
<p class="quiet">Ran ${formatCount(report.coverage.checks, 'check')} on ${formatCount(report.coverage.objects, 'object')}${
  report.coverage.compared === null
    ? null
    : `, compared with ${formatCount(report.coverage.compared, 'object')} of the source`
}. No value of a row is on this page.</p></section>`;

function renderSide(title: string, where: string, { catalog, taken }: Snapshot): Html {
  const database = catalog.database[0];
  const isFile = taken.role === '';
  const rows: readonly (readonly [string, Html | readonly Html[] | null])[] = [
    ['Where', renderExactLine(where)],
    [isFile ? 'Read' : 'Seen', renderTime(taken.at)],
    ['Database', isFile || !database ? null : renderExactLine(database.name)],
    [
      isFile ? 'Compared as' : 'Server',
      database ? renderExactLine(`PostgreSQL ${database.serverVersion}`) : null,
    ],
    ['Locale', database?.encoding ? renderExactLine(formatLocale(database)) : null],
    ['As role', isFile ? null : renderExactLine(taken.role)],
    ['Holds', html`${formatObjectCounts(catalog)}`],
  ];
  return html`<div><h3>${title}</h3><dl class="facts">
${rows.map(([name, value]) => value && html`<dt>${name}</dt><dd>${value}</dd>\n`)}</dl></div>`;
}

const formatObjectCounts = ({ tables, constraints, functions }: Catalog): string =>
  [
    formatCount(tables.length, 'table'),
    formatCount(constraints.length, 'constraint'),
    formatCount(functions.length, 'function'),
  ].join(', ');

const formatLocale = ({ encoding, collate, locale }: Catalog['database'][number]): string =>
  `${encoding}, ${locale ?? collate}`;

/** Formats a time as `2026-11-22 17:50 UTC`. */
export function renderTime(at: string): Html {
  const shown = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d)/.exec(at);
  return shown
    ? html`<time datetime="${at}">${shown[1]} ${shown[2]} UTC</time>`
    : html`${renderExactLine(at)}`;
}
