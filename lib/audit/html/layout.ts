/** Computes the positions of a diagram's boxes and lines, in SVG units. */
import { Graph as Layered, layout } from '@dagrejs/dagre';
import type { BoxRow, ForeignKeyLink, TableBox, TableGraph } from './graph';
import { measureWidth, truncateText } from './width';

export interface GraphLayout {
  /** Position of the upper left corner. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly boxes: readonly (TableBox & Area)[];
  readonly links: readonly PlacedLink[];
}

export interface Area {
  /** Position of the upper left corner. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface PlacedLink {
  readonly link: ForeignKeyLink;
  readonly label: string;
  /** Position of the label's center. */
  readonly x: number;
  readonly y: number;
  /** Points of the line, from the table with the foreign key to the referenced one. */
  readonly points: readonly Point[];
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Width of a character in the diagram's monospaced font. */
const LETTER_WIDTH = 7.25;
export const SMALL_LETTER_WIDTH = 6.65;
export const LINE_HEIGHT = 20;
export const PADDING = 10;

export function computeLayout({ boxes, links }: TableGraph): GraphLayout {
  const graph = new Layered({ multigraph: true })
    .setGraph({ rankdir: 'LR', nodesep: 18, edgesep: 14, ranksep: 22 })
    .setDefaultEdgeLabel(() => ({}));
  // Nodes are identified by number, because dagre may not accept every character of a name.
  const idOf = new Map(boxes.map(({ name }, i) => [name, String(i)]));
  const ends = ({ from, to }: ForeignKeyLink) => ({ v: idOf.get(from)!, w: idOf.get(to)! });
  for (const box of boxes)
    graph.setNode(idOf.get(box.name)!, { width: computeWidth(box), height: computeHeight(box) });
  for (const [i, link] of links.entries()) {
    const width = measureWidth(formatLabel(link)) * SMALL_LETTER_WIDTH + 8;
    graph.setEdge({ ...ends(link), name: String(i) }, { width, height: 16, labelpos: 'c' });
  }
  layout(graph);
  const placed = boxes.map((box) => ({ ...box, ...toCorner(graph.node(idOf.get(box.name)!) as Area) }));
  const drawn = links.map((link, i) => {
    const edge = graph.edge({ ...ends(link), name: String(i) }) as PlacedLink & Area;
    return {
      link,
      label: formatLabel(link),
      x: edge.x,
      y: edge.y,
      points: edge.points,
      around: toCorner(edge),
    };
  });
  // The size that dagre computes does not include the line of a foreign key that references its own table.
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

/** Converts the center that dagre returns to the upper left corner. */
const toCorner = ({ x, y, width, height }: Area): Area => ({
  x: x - width / 2,
  y: y - height / 2,
  width,
  height,
});

/** Returns the label of a key, such as `customer_id: missing`. */
function formatLabel({ columns, state }: ForeignKeyLink): string {
  const names = truncateText(columns.join(', '), 20);
  return state === 'here' ? names : `${names}: ${state === 'missing' ? 'missing' : 'not validated'}`;
}

export const formatRow = ({ column, type }: BoxRow): string =>
  `${truncateText(column, 24)} ${truncateText(abbreviateType(type), 16)}`;

/** Returns the usual short name of a type. */
const abbreviateType = (type: string): string =>
  type
    .replace(/^timestamp(\(\d\))? with time zone/, 'timestamptz$1')
    .replace(/^(time(?:stamp)?(?:\(\d\))?) without time zone/, '$1')
    .replace(/^character varying/, 'varchar');

/** Returns the remark at the end of a row. */
export const formatRemark = ({ primary, missing, concern }: BoxRow): string =>
  [concern?.id ?? (missing ? 'missing' : ''), primary ? 'key' : ''].filter((each) => each !== '').join(', ');

export const formatMore = ({ more }: TableBox): string => `and ${more} more`;

export const formatTitle = ({ name, missing }: TableBox): string =>
  `${truncateText(name, 32)}${missing ? ' (missing)' : ''}`;

function computeWidth(box: TableBox): number {
  const rows = box.rows.map((row) => {
    const remark = formatRemark(row);
    return (
      measureWidth(formatRow(row)) * LETTER_WIDTH +
      (remark ? (measureWidth(remark) + 2) * SMALL_LETTER_WIDTH : 0)
    );
  });
  return Math.max(110, measureWidth(formatTitle(box)) * LETTER_WIDTH, ...rows) + 2 * PADDING;
}

const computeHeight = ({ rows, more }: TableBox): number =>
  LINE_HEIGHT * (1 + rows.length + (more > 0 ? 1 : 0)) + PADDING + 2;
