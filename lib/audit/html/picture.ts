/** The tables and keys around a table, as SVG with its words for who cannot see it. */
import { plural } from '../../../lambda/audit/names';
import type { Box, Graph, Link } from './graph';
import {
  type Area,
  LINE,
  layoutOf,
  moreText,
  PADDING,
  type PlacedLink,
  type Point,
  remarkOf,
  rowText,
  SMALL_LETTER,
  titleOf,
} from './layout';
import { type Html, html } from './tag';
import { cells, short } from './width';

/** Wider ones are scrolled in a narrow window, so that they can be read. */
const WIDE = 640;

/** @param id of the page: no other element has it */
export function picture(graph: Graph, id: string): Html {
  const { x, y, width, height, boxes, links } = layoutOf(graph);
  return html`<figure class="picture"><div class="drawing" tabindex="0" role="group" aria-label="Picture of ${short(graph.boxes[0]!.name)}">
<svg${width > WIDE ? html` class="wide"` : null} role="img" aria-labelledby="${id}-t ${id}-d" width="${width}" height="${height}" viewBox="${n(x)} ${n(y)} ${width} ${height}">
<title id="${id}-t">${short(graph.boxes[0]!.name, 80)}, and the tables that keys connect it with</title>
<desc id="${id}-d">${describe(graph)}</desc>
${links.map(drawLink)}${boxes.map((box, i) => drawBox(box, i === 0))}
</svg></div><figcaption>${caption(graph)}</figcaption></figure>`;
}

function caption({ boxes, links, more }: Graph): string {
  const missing = links.some(({ state }) => state === 'missing') || boxes.some((box) => box.missing);
  return [
    'Primary keys, foreign keys, and columns that something is found of.',
    missing ? 'Dashed: the source has it, and it is missing here.' : '',
    more > 0 ? `${plural(more, 'more table')} connected by keys ${more === 1 ? 'is' : 'are'} left out.` : '',
  ]
    .filter((each) => each !== '')
    .join(' ');
}

function describe({ boxes, links }: Graph): string {
  const tables = boxes.map((box) => {
    const columns = box.rows.map((row) =>
      [short(row.column, 80), remarkOf(row)].filter((each) => each).join(': '),
    );
    return `${titleOf(box)}${columns.length > 0 ? ` with ${columns.join('; ')}` : ''}.`;
  });
  return [...links.map(sentence), ...tables].join(' ');
}

function sentence({ from, to, columns, state }: Link): string {
  const names = columns.map((name) => short(name, 80)).join(', ');
  const how = {
    here: '',
    missing: ', a key that is missing here',
    unchecked: ', a key that is not validated',
  };
  return `${short(from, 80)} (${names}) refers to ${short(to, 80)}${how[state]}.`;
}

function drawBox(box: Box & Area, focus: boolean): Html {
  const { x, y, width, height, rows, more } = box;
  const lineAt = (i: number): string => n(y + LINE * (i + 2) + 3);
  const under = n(y + LINE + 7);
  return html`<g class="${['box', focus && 'focus', box.missing && 'missing'].filter(Boolean).join(' ')}">
<rect x="${n(x)}" y="${n(y)}" width="${n(width)}" height="${n(height)}" rx="6"/>
<text class="name" x="${n(x + PADDING)}" y="${n(y + LINE)}">${titleOf(box)}</text>
${rows.length > 0 ? html`<line x1="${n(x)}" x2="${n(x + width)}" y1="${under}" y2="${under}"/>` : null}
${rows.map((row, i) => {
  const remark = remarkOf(row);
  const start = n(x + width - PADDING - cells(remark) * SMALL_LETTER);
  return html`<text class="${row.concern ? `concern-${row.concern.grade}` : 'row'}" x="${n(x + PADDING)}" y="${lineAt(i)}">${rowText(row)}${
    remark ? html`<tspan class="remark" x="${start}">${remark}</tspan>` : null
  }</text>`;
})}
${more > 0 ? html`<text class="remark" x="${n(x + PADDING)}" y="${lineAt(rows.length)}">${moreText(box)}</text>` : null}</g>`;
}

function drawLink({ link: { state }, label, x, y, points }: PlacedLink): Html {
  const width = cells(label) * SMALL_LETTER + 8;
  return html`<g class="link ${state}"><path d="${curve(points)}"/><polygon points="${arrow(points)}"/>
<rect class="label" x="${n(x - width / 2)}" y="${n(y - 8)}" width="${n(width)}" height="16" rx="3"/>
<text class="remark" x="${n(x - width / 2 + 4)}" y="${n(y + 4)}">${label}</text></g>`;
}

/** Through the middles between the points, so that it has no corners. */
function curve(points: readonly Point[]): string {
  const [first, ...rest] = points;
  const bends = rest.slice(0, -1).map((point, i) => {
    const next = rest[i + 1]!;
    const to = i === rest.length - 2 ? next : { x: (point.x + next.x) / 2, y: (point.y + next.y) / 2 };
    return `Q${at(point)} ${at(to)}`;
  });
  return `M${at(first!)} ${bends.length > 0 ? bends.join(' ') : `L${at(rest.at(-1)!)}`}`;
}

function arrow(points: readonly Point[]): string {
  const [from, to] = [points.at(-2)!, points.at(-1)!];
  const length = Math.hypot(to.x - from.x, to.y - from.y) || 1;
  const [dx, dy] = [(to.x - from.x) / length, (to.y - from.y) / length];
  const side = (sign: number): Point => ({
    x: to.x - dx * 8 - sign * dy * 4,
    y: to.y - dy * 8 + sign * dx * 4,
  });
  return [to, side(1), side(-1)].map(at).join(' ');
}

const n = (value: number): string => String(Math.round(value * 10) / 10);
const at = ({ x, y }: Point): string => `${n(x)},${n(y)}`;
