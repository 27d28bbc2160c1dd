import { expect, test } from 'vitest';
import { computeEarlyCounts, splitIntoWaves } from '../../lambda/fleet/waves';
import { fc } from '../support/property';

const of = (count: number, databases = 3) =>
  Array.from({ length: count }, (_, i) => ({ name: `tenant ${i}`, database: `d${i % databases}` }));
const sizes = (count: number, canaries: string[] = []) =>
  splitIntoWaves(of(count), canaries).map(({ name, tenants }) => [name, tenants.length]);

test.each([
  [1, [['canary', 1]]],
  [
    2,
    [
      ['canary', 1],
      ['early', 1],
    ],
  ],
  [
    3,
    [
      ['canary', 1],
      ['early', 1],
      ['rest', 1],
    ],
  ],
  [
    100,
    [
      ['canary', 1],
      ['early', 5],
      ['rest', 94],
    ],
  ],
  [
    10_000,
    [
      ['canary', 1],
      ['early', 500],
      ['rest', 9_499],
    ],
  ],
])('%i tenants', (count, expected) => {
  expect(sizes(count)).toEqual(expected);
});

test('canaries are those that are named', () => {
  const [first] = splitIntoWaves(of(100), ['tenant 7', 'tenant 3']);
  expect(first).toEqual({ name: 'canary', tenants: [of(100)[3], of(100)[7]] });
  expect(sizes(2, ['tenant 0', 'tenant 1'])).toEqual([['canary', 2]]);
  expect(() => splitIntoWaves(of(3), ['tenant 1', 'nobody'])).toThrow('not in the list: nobody');
});

test('each tenant is in one wave, whatever the order of the list', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 60 }),
      fc.nat(),
      (names, seed) => {
        const tenants = names.map((name) => ({ name, database: `d${name.length % 3}` }));
        const turned = [...tenants.slice(seed % names.length), ...tenants.slice(0, seed % names.length)];
        const waves = splitIntoWaves(tenants);
        expect(splitIntoWaves(turned)).toEqual(waves);
        expect(waves.flatMap((wave) => wave.tenants.map(({ name }) => name)).sort()).toEqual(
          [...names].sort(),
        );
      },
    ),
  );
});

test('neighbors share a database', () => {
  for (const { tenants } of splitIntoWaves(of(400, 7))) {
    const changes = tenants.filter(({ database }, i) => i > 0 && database !== tenants[i - 1]!.database);
    expect(changes.length).toBeLessThan(7);
  }
});

test('several shares: waves of their own, numbered, until nobody is left', () => {
  const waves = (count: number, shares: number[]) =>
    splitIntoWaves(of(count), [], shares).map(({ name, tenants }) => [name, tenants.length]);
  expect(waves(100, [5, 20])).toEqual([
    ['canary', 1],
    ['early 1', 5],
    ['early 2', 20],
    ['rest', 74],
  ]);
  expect(computeEarlyCounts(10, 2, [50, 50, 50])).toEqual([5, 3, 0]);
  expect(computeEarlyCounts(1, 5, [50])).toEqual([0]);
});

test('several canaries that are no tenant are named', () => {
  expect(() => splitIntoWaves(of(3), ['x', 'y'])).toThrow(new RangeError('not in the list: x, y'));
});
