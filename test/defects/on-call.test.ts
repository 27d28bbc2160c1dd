/** docs/on-call.md: what it shows and names is there. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DEFECT_KINDS } from '../../lambda/defects';
import { SIGNATURES } from '../../lambda/defects/signatures';

const DOCS = resolve(__dirname, '../../docs');
const text = readFileSync(join(DOCS, 'on-call.md'), 'utf8');

describe('docs/on-call.md', () => {
  it('links every kind, and names every alarm', () => {
    const links = [...text.matchAll(/\]\(defects\/([\w-]+)\.md\)/g)].map(([, id]) => id);
    expect([...links].sort()).toEqual(DEFECT_KINDS.map(({ id }) => id).sort());
    const rows = [...text.matchAll(/^\| `([\w-]+)` \|.*defects\//gm)].map(([, id]) => id);
    expect(rows).toEqual(SIGNATURES.map(({ id }) => id));
  });
  it('names the cases of ON CONFLICT', () => {
    const source = readFileSync(resolve(__dirname, '../../lambda/defects/conflict.ts'), 'utf8');
    const cases = [
      ...source
        .slice(source.indexOf('export type ConflictCase'), source.indexOf('export interface ConflictFinding'))
        .matchAll(/\| '([\w-]+)'/g),
    ].map(([, each]) => each);
    expect(cases).toHaveLength(12);
    for (const each of cases) expect(text).toContain(`\`${each}\``);
  });
});
