import { expect, test } from 'vitest';
import { computeSampleSlot, getPreviousSlot, isInSlot, selectSample } from '../../lambda/fleet/sample';

const HOUR = 3_600_000;
const names = Array.from({ length: 2_000 }, (_, i) => `shop/tenant_${i}`);
const self = (name: string): string => name;

test.each([1, 2, 24, 96])('%i runs a day: everybody has one turn, and the parts are alike', (runs) => {
  const start = 20_000 * 24 * HOUR;
  const seen = Array.from({ length: runs }, (_, i) =>
    computeSampleSlot(start + ((i + 0.5) * 24 * HOUR) / runs, runs),
  );
  expect(seen.map(({ place }) => place)).toEqual(seen.map((_, i) => i));
  const parts = seen.map((turn) => selectSample(names, self, turn));
  expect(parts.flat().sort()).toEqual([...names].sort());
  const even = names.length / runs;
  for (const part of parts) expect(Math.abs(part.length - even)).toBeLessThan(6 * Math.sqrt(even) + 1);
});

test('whose turn it is depends on nobody else; the order is another one each day', () => {
  const turn = computeSampleSlot(0, 24);
  const part = selectSample(names, self, turn);
  expect(selectSample(part.slice(0, 9), self, turn).sort()).toEqual(part.slice(0, 9).sort());
  const tomorrow = selectSample(names, self, computeSampleSlot(24 * HOUR, 24));
  expect(tomorrow).not.toEqual(part);
  expect([...tomorrow].sort()).toEqual([...part].sort());
  expect(part.every((name) => isInSlot(name, turn))).toBe(true);
});

test('the run before the first of a day is the last of yesterday', () => {
  expect(getPreviousSlot(computeSampleSlot(5 * HOUR, 24))).toEqual(computeSampleSlot(4 * HOUR, 24));
  expect(getPreviousSlot(computeSampleSlot(24 * HOUR, 24))).toEqual(computeSampleSlot(23 * HOUR, 24));
  expect(computeSampleSlot(24 * HOUR - 1, 24).place).toBe(23);
});
