import { expect, test } from 'vitest';
import { before, isTurnOf, sampleOf, turnAt } from '../../lambda/fleet/sample';

const HOUR = 3_600_000;
const names = Array.from({ length: 2_000 }, (_, i) => `shop/tenant_${i}`);
const self = (name: string): string => name;

test.each([1, 2, 24, 96])('%i runs a day: everybody has one turn, and the parts are alike', (runs) => {
  const start = 20_000 * 24 * HOUR;
  const seen = Array.from({ length: runs }, (_, i) => turnAt(start + ((i + 0.5) * 24 * HOUR) / runs, runs));
  expect(seen.map(({ place }) => place)).toEqual(seen.map((_, i) => i));
  const parts = seen.map((turn) => sampleOf(names, self, turn));
  expect(parts.flat().sort()).toEqual([...names].sort());
  const even = names.length / runs;
  for (const part of parts) expect(Math.abs(part.length - even)).toBeLessThan(6 * Math.sqrt(even) + 1);
});

test('whose turn it is depends on nobody else; the order is another one each day', () => {
  const turn = turnAt(0, 24);
  const part = sampleOf(names, self, turn);
  expect(sampleOf(part.slice(0, 9), self, turn).sort()).toEqual(part.slice(0, 9).sort());
  const tomorrow = sampleOf(names, self, turnAt(24 * HOUR, 24));
  expect(tomorrow).not.toEqual(part);
  expect([...tomorrow].sort()).toEqual([...part].sort());
  expect(part.every((name) => isTurnOf(name, turn))).toBe(true);
});

test('the run before the first of a day is the last of yesterday', () => {
  expect(before(turnAt(5 * HOUR, 24))).toEqual(turnAt(4 * HOUR, 24));
  expect(before(turnAt(24 * HOUR, 24))).toEqual(turnAt(23 * HOUR, 24));
  expect(turnAt(24 * HOUR - 1, 24).place).toBe(23);
});
