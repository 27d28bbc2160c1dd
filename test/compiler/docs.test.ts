/** The pages about migrations are true: their files compile, their tables hold, their messages are those that the compiler prints. */
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { verify } from '../../lambda/engine';
import { type CompileError, compileFiles, compileFolder, formatProblem } from '../../lib/compiler';
import { createDatabase, majors } from '../support/database';
import { contextFor, up } from '../support/engine';
import { expectGenerated, replacePart } from '../support/generated';
import { REFUSALS, type Refusal, WARNINGS } from './refusals';
import { FIXTURE } from './samples';
import { CONSENT, compile, compileUp, file, problemsOf } from './support';

const DOCS = join(__dirname, '../../docs');
const read = (name: string): string => readFileSync(join(DOCS, name), 'utf8');
const text = ['migrations.md', 'statements.md', 'other-tools.md'].map(read).join('\n');
/** Pages of what the compiler says, one heading a subject. */
const REFUSED = readdirSync(DOCS).filter((name) => /^refused-.*\.md$/.test(name));

/** Compares the one block under a heading with the messages that are printed. */
function expectMessages(heading: string, messages: readonly string[]): void {
  const page = REFUSED.find((name) => read(name).includes(`\n## ${heading}\n`));
  if (page === undefined) throw new Error(`no page docs/refused-*.md has the heading ${heading}`);
  const block = new RegExp(
    `(\\n## ${heading}\\n(?:(?!\\n#|\`\`\`)[\\s\\S])*\\n\`\`\`text\\n)([\\s\\S]*?)(?=\`\`\`\\n)`,
  );
  expectGenerated(join(DOCS, page), (written) => replacePart(written, block, `${messages.join('\n\n')}\n`));
}

/** The text under a heading, up to the next one. */
const section = (pages: string, heading: string): string =>
  pages.split(`\n## ${heading}\n`)[1]?.split(/^##+ |^# /m)[0] ?? '';

const rows = (heading: string): string[][] =>
  section(text, heading)
    .split('\n')
    .filter((line) => /^\| `/.test(line))
    .map((line) => line.split(' | ').map((cell) => cell.replace(/^\|? ?`?|`? ?\|?$/g, '')));

/** Fenced blocks: what stands behind the fence, and the text within. */
const blocks = (within: string): [info: string, content: string][] =>
  [...within.matchAll(/^```(\S.*)\n([\s\S]*?)^```$/gm)].map(([, info, content]) => [info!, content!]);

/** The statement as a migration, after the samples' database. */
const known = async (sql: string) => {
  const { migrations } = await compile({
    '0001_fixture.sql': CONSENT + file(FIXTURE),
    '0002_sample.sql': CONSENT + file(sql),
  });
  return migrations[1]!.statements[0]!;
};

describe('its files', () => {
  const written = blocks(text).flatMap(([info, sql]) => {
    const [language, name] = info.split(' ');
    return language === 'sql' && name ? [[name, sql] as const] : [];
  });
  /** What they take for granted. */
  const files = {
    '0001_orders.sql': file(
      'CREATE TABLE orders (id int, customer_id int, number int, total numeric, code text)',
    ),
    '0004_add_note.sql': `${CONSENT}${file('ALTER TABLE orders ADD COLUMN note text')}`,
    ...Object.fromEntries(written),
  };

  test('compile together', async () => {
    expect(written.length).toBeGreaterThan(5);
    const { migrations } = await compile(files);
    expect(migrations.filter(({ withoutVerify }) => withoutVerify).map(({ name }) => name)).toEqual([
      '20260101120000_create_shops',
    ]);
  });

  test.each(majors())('are applied and verified on PostgreSQL %i', async (major) => {
    const manifest = await compile(files);
    const url = await createDatabase(major);
    const outcome = await up(url, manifest);
    expect(outcome).toMatchObject({ status: 'done', report: { pending: [], warnings: [] } });
    expect(outcome.report.applied).toHaveLength(manifest.migrations.length);
    const { verified: proved, findings } = await verify(contextFor(url, manifest), 'app');
    expect(findings).toEqual([]);
    // All but dbmate's file, which proves nothing, and the one that is superseded.
    expect(proved).toHaveLength(manifest.migrations.length - 2);
  });
});

test('how statements run', async () => {
  const table = rows('What runs in a transaction');
  expect(table.length).toBeGreaterThan(10);
  for (const [sql, execution] of table)
    expect([sql, (await known(sql!)).execution]).toEqual([sql, execution]);
});

test('which locks they take', async () => {
  const table = rows('Locks');
  expect(table.length).toBeGreaterThan(30);
  for (const [sql, locks] of table) {
    const words = (await known(sql!)).locks.map(({ mode, relation }) => `${mode} on ${relation}`);
    expect([sql, words.sort()]).toEqual([sql, locks!.replaceAll('`', '').split(', ').sort()]);
  }
});

test('what is undone by itself', async () => {
  const table = rows('Undoing');
  expect(table).toHaveLength(5);
  for (const [up, down, undo] of table)
    expect([
      up,
      (await compileUp(up!.replace(/`/g, ''), `-- migrate:down\n${down!.replace(/`/g, '')}`)).undo,
    ]).toEqual([up, undo]);
});

test('the example of several problems', async () => {
  const sql = '-- migrate:up\nCOMMIT;\nALTER TABLE orders DROP COLUMN note;\n-- migrate:verify\nSELECT 1;\n';
  const error: unknown = await compileFiles(
    [{ name: '0012_cleanup.sql', bytes: Buffer.from(sql) }],
    'migrations/shop',
  ).catch((thrown) => thrown);
  expectGenerated(join(DOCS, 'refused-files.md'), (page) =>
    replacePart(page, /(^[\s\S]*?\n```text\n)([\s\S]*?)(?=```\n)/, `${(error as CompileError).message}\n`),
  );
});

describe('every message', () => {
  const printed = async ({ files }: Refusal): Promise<string> =>
    (await problemsOf(files)).map((problem) => formatProblem(problem)).join('\n\n');

  const warned = async ({ files }: Refusal): Promise<string> => {
    const warnings: string[] = [];
    const list = Object.entries(files).map(([name, text]) => ({ name, bytes: Buffer.from(text) }));
    await compileFiles(list, 'migrations', { warn: (warning) => warnings.push(formatProblem(warning)) });
    return warnings.join('\n\n');
  };

  test.each(Object.keys(REFUSALS))('%s', async (heading) => {
    const messages = await Promise.all(REFUSALS[heading]!.map(printed));
    expectMessages(heading, messages);
  });

  test('Warnings', async () => {
    expectMessages('Warnings', await Promise.all(WARNINGS.map(warned)));
  });

  test('Folders', async () => {
    const messages: string[] = [];
    const scratch = mkdtempSync(join(tmpdir(), 'trueup-docs-'));
    onTestFinished(() => rmSync(scratch, { recursive: true }));
    const odd = join(scratch, 'odd');
    mkdirSync(join(odd, '0001_orders.sql'), { recursive: true });
    symlinkSync('gone', join(odd, '0002_linked.sql'));
    mkdirSync(join(scratch, 'empty'));
    symlinkSync('loop', join(scratch, 'loop'));
    const nowhere = join(scratch, 'nowhere');
    const prisma = join(scratch, 'prisma');
    mkdirSync(prisma);
    writeFileSync(join(prisma, 'migration_lock.toml'), '');
    for (const folder of [nowhere, __filename, join(scratch, 'loop'), join(scratch, 'empty'), prisma, odd]) {
      const error: unknown = await compileFolder(folder).catch((thrown) => thrown);
      messages.push(...(error as CompileError).problems.map(formatProblem));
    }
    expectMessages('Folders', messages);
  });

  test('and no case of one message twice', () => {
    const titles = [WARNINGS, ...Object.values(REFUSALS)].flatMap((cases) => cases.map(({ title }) => title));
    expect(new Set(titles).size).toBe(titles.length);
  });
});
