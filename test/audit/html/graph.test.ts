/** Which tables and keys a picture shows, and where they go. */
import { describe, expect, test } from 'vitest';
import { type ColumnFinding, indexColumnFindings } from '../../../lib/audit/html/concerns';
import { buildGraph, indexTables, type TableGraph } from '../../../lib/audit/html/graph';
import { computeLayout } from '../../../lib/audit/html/layout';
import { catalogOf, finding, SHOP, type TableShape } from './fixture';

const around = (
  name: string,
  target: readonly TableShape[],
  source: readonly TableShape[] | null = null,
  found: ReadonlyMap<string, ColumnFinding> = new Map(),
): TableGraph =>
  buildGraph(
    { schema: 'public', name },
    indexTables(catalogOf(target)),
    source && indexTables(catalogOf(source)),
    found,
  );

const rows = ({ boxes }: TableGraph, i = 0) => boxes[i]!.rows.map(({ column }) => column);

describe('around a table', () => {
  test('it comes first; columns that stand in no key are left out', () => {
    const graph = around('orders', SHOP);
    expect(graph.boxes.map(({ name }) => name)).toEqual(['public.orders', 'public.customers']);
    expect([rows(graph), rows(graph, 1)]).toEqual([['id', 'customer'], ['id']]);
    expect(graph.links).toEqual([
      { from: 'public.orders', to: 'public.customers', columns: ['customer'], state: 'here' },
    ]);
  });

  test('a key, a column and a table that only the source has', () => {
    const target = [{ name: 'orders', columns: ['id'], primary: ['id'] }];
    const graph = around('orders', target, SHOP);
    expect(graph.links).toMatchObject([{ state: 'missing' }]);
    expect(graph.boxes).toMatchObject([
      {
        missing: false,
        rows: [
          { column: 'id', missing: false },
          { column: 'customer', missing: true },
        ],
      },
      { missing: true, rows: [{ column: 'id', primary: true, missing: false }] },
    ]);
  });

  test('a primary key that is lost is shown as a column, not as a key', () => {
    const target = SHOP.map(({ primary: _, ...each }) => each);
    expect(around('customers', target, SHOP).boxes[0]).toMatchObject({
      rows: [{ column: 'id', primary: false }],
    });
  });

  test('a key that is not validated', () => {
    const catalog = catalogOf(SHOP);
    const constraints = catalog.constraints.map((each) => ({ ...each, notValid: true as const }));
    const here = indexTables({ ...catalog, constraints });
    const graph = buildGraph({ schema: 'public', name: 'orders' }, here, null, new Map());
    expect(graph.links).toMatchObject([{ state: 'unchecked' }]);
  });

  test('of many tables eight are shown, those with missing keys first, and the others are counted', () => {
    const children = Array.from({ length: 12 }, (_, i) => ({
      name: `child_${String(i).padStart(2, '0')}`,
      columns: ['id', 'customer'],
      keys: { customer: 'customers' },
    }));
    const target = [SHOP[0]!, ...children.slice(0, 11), { ...children[11]!, keys: {} }];
    const graph = around('customers', target, [SHOP[0]!, ...children]);
    expect(graph.more).toBe(4);
    expect(graph.boxes[1]!.name).toBe('public.child_11');
    expect(graph.boxes).toHaveLength(9);
    expect(graph.links).toHaveLength(8);
  });

  test('of many columns, those that something is found of', () => {
    const columns = Array.from({ length: 30 }, (_, i) => `c${i}`);
    const found = ['c7', 'c29'].map((column) => finding({ object: `public.wide.${column}` }));
    const graph = around(
      'wide',
      [{ name: 'wide', columns, primary: columns }],
      null,
      indexColumnFindings([])(found),
    );
    expect(graph.boxes[0]!.rows).toHaveLength(12);
    expect(graph.boxes[0]!.more).toBe(18);
    expect(rows(graph)).toEqual(expect.arrayContaining(['c7', 'c29']));
    expect(rows(graph).at(-1)).toBe('c29');
  });
});

describe('what is found of a column', () => {
  test('by its name, by the columns of a key, the surest of them', () => {
    const lost = finding({ confidence: 'A', id: 'missing-unique-index' });
    const { id, object, message } = lost;
    const difference = {
      id: 'missing-unique-index' as const,
      object,
      message,
      source: null,
      target: null,
      lost: [],
      columns: ['customer'],
    };
    const surest = indexColumnFindings([difference])([
      lost,
      finding({ id: 'missing-foreign-key', object: 'public.orders.customer' }),
      finding({ id, object, message: 'another' }),
    ]);
    expect([...surest]).toEqual([['customer', { confidence: 'A', id: 'missing-unique-index' }]]);
  });
});

describe('the layout', () => {
  const shapes: readonly [string, TableGraph][] = [
    ['alone', around('customers', [SHOP[0]!])],
    ['a pair', around('orders', SHOP)],
    [
      'a table that refers to itself, twice',
      around('tree', [
        {
          name: 'tree',
          columns: ['id', 'parent', 'root'],
          primary: ['id'],
          keys: { parent: 'tree', root: 'tree' },
        },
      ]),
    ],
    [
      'two tables that refer to each other',
      around('a', [
        { name: 'a', columns: ['id', 'b'], keys: { b: 'b' } },
        { name: 'b', columns: ['id', 'a'], keys: { a: 'a' } },
      ]),
    ],
  ];
  test.each(shapes)('%s: boxes do not overlap, and all is inside the picture', (_, graph) => {
    const picture = computeLayout(graph);
    const inside = (x: number, y: number): boolean =>
      x >= picture.x && x <= picture.x + picture.width && y >= picture.y && y <= picture.y + picture.height;
    expect(picture.links).toHaveLength(graph.links.length);
    expect(
      picture.links.every(({ points, x, y }) => inside(x, y) && points.every((at) => inside(at.x, at.y))),
    ).toBe(true);
    const { boxes } = picture;
    for (const [i, a] of boxes.entries()) {
      expect(inside(a.x, a.y) && inside(a.x + a.width, a.y + a.height)).toBe(true);
      for (const b of boxes.slice(i + 1))
        expect(
          a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y,
        ).toBe(true);
    }
  });
});
