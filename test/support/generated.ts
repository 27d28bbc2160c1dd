/**
 * Generated text in files of the repository: pages of docs/, or parts of them. Tests compare. `npm run docs:update` runs the
 * test files that call `expectGenerated` or have a snapshot, and then the text is written instead.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { expect } from 'vitest';

const ROOT = join(__dirname, '../..');
const UPDATES = process.env.UPDATE_DOCS === '1';

/**
 * Compares a file with its generated text, or writes it.
 *
 * @param generate returns the whole text, given the present one ('' if there is no such file)
 */
export function expectGenerated(path: string, generate: (written: string) => string): void {
  const written = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const generated = generate(written);
  if (!UPDATES) {
    expect(written, `${relative(ROOT, path)} is out of date: run \`npm run docs:update\``).toBe(generated);
  } else if (written !== generated) {
    writeFileSync(path, generated);
  }
}

/**
 * Replaces the one place that a pattern finds.
 *
 * @param pattern its first group is what comes before the place, its second the text to replace
 */
export function replacePart(page: string, pattern: RegExp, text: string): string {
  if (!pattern.test(page)) throw new Error(`the page has no place like ${pattern}`);
  return page.replace(pattern, (_, before: string) => `${before}${text}`);
}

/** Replaces the content of the code block that the comment `<!-- generated: name -->` precedes. */
export const replaceBlock = (page: string, name: string, text: string): string =>
  replacePart(
    page,
    new RegExp(`(^<!-- generated: ${name} -->\\n\`\`\`\\w*\\n)([\\s\\S]*?)(?=^\`\`\`$)`, 'm'),
    `${text.trimEnd()}\n`,
  );
