/** What the pages say of commands, limits and defaults is what the code says: whoever changes one is led to the other. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { LOCK_HOLD_TIMEOUT_MS, LOCK_TIMEOUT_MS } from '../../lambda/engine/time/limits';
import { COMMANDS } from '../../lib/cli/commands';
import { publicApi } from '../support/public-api';

const ROOT = join(__dirname, '../..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const pages = readdirSync(join(ROOT, 'docs'))
  .filter((name) => name.endsWith('.md'))
  .map((name) => read(`docs/${name}`));

test.each(COMMANDS.map(({ name }) => name))('`trueup %s` is on a page', (name) => {
  const shown = new RegExp(`trueup ${name}(?![\\w-])`);
  expect(pages.some((page) => shown.test(page))).toBe(true);
});

test("docs/notify.md lists every field of a webhook's body", () => {
  const page = read('docs/notify.md');
  const fields = [...read('lambda/page/document/document.ts').matchAll(/^ {2}readonly (\w+)\??: /gm)].map(
    ([, name]) => name!,
  );
  expect(fields.length).toBeGreaterThan(30);
  expect(fields.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
});

describe('the limits of the engine', () => {
  const places: readonly [string, string][] = [
    ['docs/migrations.md', `(default: ${LOCK_TIMEOUT_MS} ms)`],
    ['docs/migrations.md', `(default: ${LOCK_HOLD_TIMEOUT_MS / 1000} s)`],
    ['docs/architecture.md', `for ${LOCK_TIMEOUT_MS} ms at most`],
    ['docs/architecture.md', `hold them for ${LOCK_HOLD_TIMEOUT_MS / 1000} s`],
    ['lambda/contract/manifest.ts', `@default - ${LOCK_TIMEOUT_MS} ms`],
  ];
  test.each(places)('%s says: %s', (path, words) => {
    expect(read(path)).toContain(words);
  });
});

describe('the tables of props', () => {
  /** By prop: what stands under `default`. A row may name several props; of two with one name each has its row. */
  const rows = new Map<string, string[]>();
  for (const page of ['constructs.md', 'constructs-database.md', 'constructs-alarms.md', 'fleet-check.md']) {
    for (const [, names, byDefault] of read(`docs/${page}`).matchAll(/^\| (`[^|]*`) \| ([^|]*) \|/gm)) {
      for (const [, name] of names!.matchAll(/`(\w+)`/g))
        rows.set(name!, [...(rows.get(name!) ?? []), byDefault!]);
    }
  }
  /** A value that can be compared: a time, a number, a literal. */
  const VALUE = /^(?:- )?(\d+ \w+|\d+|true|false|'[\w.]+')(?=$|[,;:.])/;
  /** `Duration.hours(1)` as the tables write it: `1 hour`. */
  const readDefault = (text: string): string =>
    text.trim().replace(/^Duration\.(\w+)s\((\d+)\)/, (_, unit, n) => `${n} ${unit}${n === '1' ? '' : 's'}`);
  const valued = publicApi().flatMap(({ members }) =>
    members.flatMap(({ name, tags }) => {
      const [, value] = VALUE.exec(readDefault(tags.find((tag) => tag.name === 'default')?.text ?? '')) ?? [];
      return value !== undefined && rows.has(name) ? [[name, value.replaceAll("'", '')] as const] : [];
    }),
  );

  test('are found', () => {
    expect(valued.length).toBeGreaterThan(10);
  });

  test.each(valued)('%s is %s by default', (name, value) => {
    expect(rows.get(name)!.some((written) => written.replace(/[`']/g, '').includes(value))).toBe(true);
  });
});
