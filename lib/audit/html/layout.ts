/** Where boxes and lines of a picture go, in units of the drawing. */
import { Graph as Layered, layout } from '@dagrejs/dagre';
import type { Box, Graph, Link, Row } from './graph';
import { cells, short } from './width';

export interface Layout {
  /** The upper left corner. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly boxes: readonly (Box & Area)[];
  readonly links: readonly PlacedLink[];
}

export interface Area {
  /** The upper left corner. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface PlacedLink {
  readonly link: Link;
  readonly label: string;
  /** Middle of the label. */
  readonly x: number;
  readonly y: number;
  /** From the table with the foreign key to the other one. */
  readonly points: readonly Point[];
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Of letters of one width. */
const LETTER = 7.25;
export const SMALL_LETTER = 6.65;
export const LINE = 20;
export const PADDING = 10;

export function layoutOf({ boxes, links }: Graph): Layout {
  const graph = new Layered({ multigraph: true })
    .setGraph({ rankdir: 'LR', nodesep: 18, edgesep: 14, ranksep: 22 })
    .setDefaultEdgeLabel(() => ({}));
  // By number: what a name may hold, dagre may not expect.
  const idOf = new Map(boxes.map(({ name }, i) => [name, String(i)]));
  const ends = ({ from, to }: Link) => ({ v: idOf.get(from)!, w: idOf.get(to)! });
  for (const box of boxes) graph.setNode(idOf.get(box.name)!, { width: widthOf(box), height: heightOf(box) });
  for (const [i, link] of links.entries()) {
    const width = cells(labelOf(link)) * SMALL_LETTER + 8;
    graph.setEdge({ ...ends(link), name: String(i) }, { width, height: 16, labelpos: 'c' });
  }
  layout(graph);
  const placed = boxes.map((box) => ({ ...box, ...corner(graph.node(idOf.get(box.name)!) as Area) }));
  const drawn = links.map((link, i) => {
    const edge = graph.edge({ ...ends(link), name: String(i) }) as PlacedLink & Area;
    return { link, label: labelOf(link), x: edge.x, y: edge.y, points: edge.points, around: corner(edge) };
  });
  // dagre's own size leaves out a key of a table to itself.
  const all = [
    ...placed,
    ...drawn.flatMap(({ points, around }) => [
      around,
      ...points.map((point) => ({ ...point, width: 0, height: 0 })),
    ]),
  ];
  const x = Math.min(...all.map((each) => each.x)) - MARGIN;
  const y = Math.min(...all.map((each) => each.y)) - MARGIN;
  return {
    x,
    y,
    width: Math.ceil(Math.max(...all.map((each) => each.x + each.width)) + MARGIN - x),
    height: Math.ceil(Math.max(...all.map((each) => each.y + each.height)) + MARGIN - y),
    boxes: placed,
    links: drawn,
  };
}

const MARGIN = 3;

/** dagre gives the middle. */
const corner = ({ x, y, width, height }: Area): Area => ({
  x: x - width / 2,
  y: y - height / 2,
  width,
  height,
});

/** `customer_id: missing` */
function labelOf({ columns, state }: Link): string {
  const names = short(columns.join(', '), 20);
  return state === 'here' ? names : `${names}: ${state === 'missing' ? 'missing' : 'not validated'}`;
}

export const rowText = ({ column, type }: Row): string => `${short(column, 24)} ${short(briefly(type), 16)}`;

/** As people write it. */
const briefly = (type: string): string =>
  type
    .replace(/^timestamp(\(\d\))? with time zone/, 'timestamptz$1')
    .replace(/^(time(?:stamp)?(?:\(\d\))?) without time zone/, '$1')
    .replace(/^character varying/, 'varchar');

/** At the end of a row. */
export const remarkOf = ({ primary, missing, concern }: Row): string =>
  [concern?.id ?? (missing ? 'missing' : ''), primary ? 'key' : ''].filter((each) => each !== '').join(', ');

export const moreText = ({ more }: Box): string => `and ${more} more`;

export const titleOf = ({ name, missing }: Box): string => `${short(name, 32)}${missing ? ' (missing)' : ''}`;

function widthOf(box: Box): number {
  const rows = box.rows.map((row) => {
    const remark = remarkOf(row);
    return cells(rowText(row)) * LETTER + (remark ? (cells(remark) + 2) * SMALL_LETTER : 0);
  });
  return Math.max(110, cells(titleOf(box)) * LETTER, ...rows) + 2 * PADDING;
}

const heightOf = ({ rows, more }: Box): number => LINE * (1 + rows.length + (more > 0 ? 1 : 0)) + PADDING + 2;
