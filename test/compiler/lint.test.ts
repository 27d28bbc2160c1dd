/** Each lint rule on the compiler: its bad SQL breaks it, its good SQL breaks none, and consent by its id is enough. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { RULES } from '../../lib/compiler/lint';
import { CONSENTS, type Rule } from '../../lib/compiler/lint/rule';
import { expectGenerated } from '../support/generated';
import { FIXTURE } from './samples';
import { CONSENT, compile, file, problemsOf } from './support';

/** A file after the samples' database. */
const after = (statements: readonly string[], directives = '') => ({
  '0001_fixture.sql': CONSENT + file(FIXTURE),
  '0002_sample.sql': directives + file(statements.map((each) => `${each};`).join('\n')),
});
const directive = (what: string): string => `-- migrate:consent ${what} for the test\n`;
const other = ({ consent }: Rule): string => CONSENTS.find((each) => each !== consent)!;

describe.each(RULES.map((rule) => [rule.id, rule] as const))('%s', (id, rule) => {
  test('its bad SQL breaks it', async () => {
    // What else it breaks is consented to.
    const problems = await problemsOf(after(rule.bad, directive(other(rule))));
    for (const { message, remedy } of problems) {
      expect(message).toMatch(/the file does not consent to it$/);
      expect(remedy).toContain(`\`-- migrate:consent ${rule.consent} <why>\``);
    }
    expect(problems.map(({ remedy }) => remedy).join('\n')).toContain(`\`-- migrate:consent ${id} <why>\``);
  });

  test('consent by its id is enough, and by another rule’s is not', async () => {
    await compile(after(rule.bad, directive(other(rule)) + directive(id)));
    const wrong = RULES.find((each) => each.id !== id && each.consent === rule.consent)!;
    await problemsOf(after(rule.bad, directive(other(rule)) + directive(wrong.id)));
  });

  test('its good SQL breaks no rule', async () => {
    await compile(after(rule.good));
  });
});

test('every rule is in the list, in a file of its name', () => {
  const folder = join(__dirname, '../../lib/compiler/lint');
  const others = ['backfill.ts', 'index.ts', 'rule.ts'];
  expect(readdirSync(folder).filter((name) => !others.includes(name))).toEqual(
    RULES.map(({ id }) => `${id}.ts`).sort(),
  );
});

const block = (statements: readonly string[]): string =>
  `\`\`\`sql\n${statements.map((each) => `${each};`).join('\n')}\n\`\`\``;

const PAGES = {
  destroys: {
    heading: 'Lint rules: what loses data',
    intro: 'These rules find statements that may lose data. If that is intended, the file says so, and why:',
    instead: 'This loses nothing:',
  },
  rewrites: {
    heading: 'Lint rules: what takes long',
    intro:
      'These rules find statements that rewrite or scan a table while others wait. If that is intended, the file says so, and why:',
    instead: 'Write instead:',
  },
};

describe('docs', () => {
  test.each(CONSENTS)('rules-%s.md is what the rules say', (consent) => {
    const { heading, intro, instead } = PAGES[consent];
    const rules = RULES.filter((rule) => rule.consent === consent);
    const page = [
      `# ${heading}`,
      `${intro} \`-- migrate:consent ${consent} <why>\` covers all of them; with the id of a rule in place of \`${consent}\`, it covers only that rule. Tables that the same file creates are exempt: they are empty, and nobody uses them yet. See also [how problems are reported](refused-files.md).`,
      ...rules.map(({ id, title, bad, good }) =>
        [`## ${id}`, `${title}\n${block(bad)}`, `${instead}\n${block(good)}`].join('\n\n'),
      ),
    ].join('\n\n');
    expectGenerated(join(__dirname, `../../docs/rules-${consent}.md`), () => `${page}\n`);
  });
});
