import { describe, expect, it } from 'vitest';
import { generateJson, printLongJson } from '../../../lib/cli/terminal/json';
import type { Stream, Terminal } from '../../../lib/cli/terminal/terminal';

const VALUES: readonly unknown[] = [
  null,
  1,
  'text\nof two lines',
  [],
  [1, [2], { three: 3 }],
  {},
  { none: undefined },
  { none: undefined, one: 1 },
  { empty: [], nothing: {}, list: [undefined, null, 'a\nb', ['x'], { y: { z: [1, 2] }, gone: undefined }] },
  { 'a "name"': { deep: [{ er: [] }] }, last: [0] },
];

describe('a JSON document in pieces', () => {
  it('is what JSON.stringify gives', () => {
    for (const value of VALUES)
      expect([...generateJson(value)].join('')).toBe(JSON.stringify(value, null, 2));
  });

  it('has a piece for each item of a list of a report', () => {
    expect([...generateJson({ findings: [{ id: 1 }, { id: 2 }] })].length).toBeGreaterThan(2);
  });

  it('waits for its reader, in pieces that are hardly longer than a batch', async () => {
    const written: string[] = [];
    let waited = 0;
    const out = {
      write: (text) => written.push(text),
      drained: async () => {
        waited++;
      },
    } as Partial<Stream> as Stream;
    const report = { findings: Array.from({ length: 20_000 }, (_, i) => ({ id: i, evidence: ['a line'] })) };
    await printLongJson({ out } as Terminal, report);
    expect(JSON.parse(written.join(''))).toEqual(report);
    expect(written.join('')).toMatch(/\}\n$/);
    expect(Math.max(...written.map(({ length }) => length))).toBeLessThan(65 * 1024);
    expect(written.length).toBeGreaterThan(10);
    expect(written.length).toBeLessThan(50);
    expect(waited).toBe(written.length);
  });
});
