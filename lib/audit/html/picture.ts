/** Draws a table, its neighbors and the keys between them as SVG, with a text description for screen readers. */
import { formatCount } from '../../../lambda/audit/names';
import type { ForeignKeyLink, TableBox, TableGraph } from './graph';
import {
  type Area,
  computeLayout,
  formatMore,
  formatRemark,
  formatRow,
  formatTitle,
  LINE_HEIGHT,
  PADDING,
  type PlacedLink,
  type Point,
  SMALL_LETTER_WIDTH,
} from './layout';
import { type Html, html } from './tag';
import { measureWidth, truncateText } from './width';

/** Diagrams wider than this scroll in a narrow window, so that they stay legible. */
const WIDE_PICTURE_WIDTH = 640;

/**
 * Draws the diagram as a figure.
 * @param id id that no other element of the page has
 */
export function renderPicture(graph: TableGraph, id: string): Html {
  const { x, y, width, height, boxes, links } = computeLayout(graph);
  return html`<figure class="picture"><div class="drawing" tabindex="0" role="group" aria-label="Diagram of ${truncateText(graph.boxes[0]!.name)}">
<svg${width > WIDE_PICTURE_WIDTH ? html` class="wide"` : null} role="img" aria-labelledby="${id}-t ${id}-d" width="${width}" height="${height}" viewBox="${formatNumber(x)} ${formatNumber(y)} ${width} ${height}">
<title id="${id}-t">${truncateText(graph.boxes[0]!.name, 80)}, and the tables that keys connect it with</title>
<desc id="${id}-d">${describeGraph(graph)}</desc>
${links.map(drawLink)}${boxes.map((box, i) => drawBox(box, i === 0))}
</svg></div><figcaption>${buildCaption(graph)}${width > WIDE_PICTURE_WIDTH ? html` <span class="sideways">The diagram is wider than this window: scroll sideways.</span>` : null}</figcaption></figure>`;
}

function buildCaption({ boxes, links, more }: TableGraph): string {
  const missing = links.some(({ state }) => state === 'missing') || boxes.some((box) => box.missing);
  return [
    'Primary keys, foreign keys, and columns with findings.',
    missing ? 'Dashed: in the source, but missing here.' : '',
    more > 0
      ? `${formatCount(more, 'more table')} connected by keys ${more === 1 ? 'is' : 'are'} left out.`
      : '',
  ]
    .filter((each) => each !== '')
    .join(' ');
}

function describeGraph({ boxes, links }: TableGraph): string {
  const tables = boxes.map((box) => {
    const columns = box.rows.map((row) =>
      [truncateText(row.column, 80), formatRemark(row)].filter((each) => each).join(': '),
    );
    return `${formatTitle(box)}${columns.length > 0 ? ` with ${columns.join('; ')}` : ''}.`;
  });
  return [...links.map(describeLink), ...tables].join(' ');
}

function describeLink({ from, to, columns, state }: ForeignKeyLink): string {
  const names = columns.map((name) => truncateText(name, 80)).join(', ');
  const how = {
    here: '',
    missing: ', a key that is missing here',
    unchecked: ', a key that is not validated',
  };
  return `${truncateText(from, 80)} (${names}) refers to ${truncateText(to, 80)}${how[state]}.`;
}

function drawBox(box: TableBox & Area, focus: boolean): Html {
  const { x, y, width, height, rows, more } = box;
  const lineAt = (i: number): string => formatNumber(y + LINE_HEIGHT * (i + 2) + 3);
  const under = formatNumber(y + LINE_HEIGHT + 7);
  return html`<g class="${['box', focus && 'focus', box.missing && 'missing'].filter(Boolean).join(' ')}">
<rect x="${formatNumber(x)}" y="${formatNumber(y)}" width="${formatNumber(width)}" height="${formatNumber(height)}" rx="6"/>
<text class="name" x="${formatNumber(x + PADDING)}" y="${formatNumber(y + LINE_HEIGHT)}">${formatTitle(box)}</text>
${rows.length > 0 ? html`<line x1="${formatNumber(x)}" x2="${formatNumber(x + width)}" y1="${under}" y2="${under}"/>` : null}
${rows.map((row, i) => {
  const remark = formatRemark(row);
  const start = formatNumber(x + width - PADDING - measureWidth(remark) * SMALL_LETTER_WIDTH);
  return html`<text class="${row.concern ? `concern-${row.concern.confidence}` : 'row'}" x="${formatNumber(x + PADDING)}" y="${lineAt(i)}">${formatRow(row)}${
    remark ? html`<tspan class="remark" x="${start}">${remark}</tspan>` : null
  }</text>`;
})}
${more > 0 ? html`<text class="remark" x="${formatNumber(x + PADDING)}" y="${lineAt(rows.length)}">${formatMore(box)}</text>` : null}</g>`;
}

function drawLink({ link: { state }, label, x, y, points }: PlacedLink): Html {
  const width = measureWidth(label) * SMALL_LETTER_WIDTH + 8;
  return html`<g class="link ${state}"><path d="${buildCurve(points)}"/><polygon points="${buildArrow(points)}"/>
<rect class="label" x="${formatNumber(x - width / 2)}" y="${formatNumber(y - 8)}" width="${formatNumber(width)}" height="16" rx="3"/>
<text class="remark" x="${formatNumber(x - width / 2 + 4)}" y="${formatNumber(y + 4)}">${label}</text></g>`;
}

/** Draws a curve through the midpoints between the points, so that it has no corners. */
function buildCurve(points: readonly Point[]): string {
  const [first, ...rest] = points;
  const bends = rest.slice(0, -1).map((point, i) => {
    const next = rest[i + 1]!;
    const to = i === rest.length - 2 ? next : { x: (point.x + next.x) / 2, y: (point.y + next.y) / 2 };
    return `Q${formatPoint(point)} ${formatPoint(to)}`;
  });
  return `M${formatPoint(first!)} ${bends.length > 0 ? bends.join(' ') : `L${formatPoint(rest.at(-1)!)}`}`;
}

function buildArrow(points: readonly Point[]): string {
  const [from, to] = [points.at(-2)!, points.at(-1)!];
  const length = Math.hypot(to.x - from.x, to.y - from.y) || 1;
  const [dx, dy] = [(to.x - from.x) / length, (to.y - from.y) / length];
  const side = (sign: number): Point => ({
    x: to.x - dx * 8 - sign * dy * 4,
    y: to.y - dy * 8 + sign * dx * 4,
  });
  return [to, side(1), side(-1)].map(formatPoint).join(' ');
}

const formatNumber = (value: number): string => String(Math.round(value * 10) / 10);
const formatPoint = ({ x, y }: Point): string => `${formatNumber(x)},${formatNumber(y)}`;
