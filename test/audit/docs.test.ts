/** docs/snapshot.md has every list of a snapshot, what names its objects, and each of their fields. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { OBJECT_KINDS } from '../../lambda/audit/catalog';
import { SNAPSHOT_VERSION } from '../../lib/audit/file';

const ROOT = join(__dirname, '../..');
const page = readFileSync(join(ROOT, 'docs/snapshot.md'), 'utf8');
const CATALOG = join(ROOT, 'lambda/audit/catalog');
const sources = readdirSync(CATALOG).map((name) => readFileSync(join(CATALOG, name), 'utf8'));

/** Of the interface that describes an object of the kind. */
function fieldsOf(kind: string): string[] {
  for (const source of sources) {
    const [, type] = new RegExp(`export const ${kind}: ObjectKind<(\\w+)>`).exec(source) ?? [];
    if (type === undefined) continue;
    const [, body] = new RegExp(`export interface ${type}[^{]*\\{\\n([\\s\\S]*?)\\n\\}`).exec(source)!;
    return [...body!.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, name]) => name!);
  }
  throw new Error(`no file has ${kind}`);
}

const words = (cell: string): string[] => [...cell.matchAll(/`(\w+)`/g)].map(([, word]) => word!);

test.each(Object.entries(OBJECT_KINDS))('%s', (kind, { namedBy }) => {
  const [, names, others] = new RegExp(`^\\| \`${kind}\` \\| (.*?) \\| (.*?)\\|$`, 'm').exec(page)!;
  expect(words(names!)).toEqual(namedBy);
  expect([...words(names!), ...words(others!)].sort()).toEqual(fieldsOf(kind).sort());
});

test('the version', () => {
  expect(page).toContain(`\`trueup-snapshot\`, ${SNAPSHOT_VERSION}.`);
});
