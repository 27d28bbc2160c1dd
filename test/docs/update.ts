/**
 * `npm run docs:update [-- --since COMMIT] [FILE…]`: brings up to date what pages and tests repeat of the product.
 *
 * 1. A sentence that was edited in lib or lambda is edited wherever pages and tests repeat it.
 * 2. The tests that own generated text run, and write it: those that call `expectGenerated` or have a snapshot.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { carrierOf } from './carry';
import { type Edit, editsOf, type Sentence, sentencesOf, textOf } from './sentences';

const ROOT = join(__dirname, '../..');
const SOURCES = ['lib', 'lambda'];
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { since: { type: 'string' }, 'edits-only': { type: 'boolean' } },
});

const git = (...args: readonly string[]): string =>
  execFileSync('git', args, {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
const lines = (text: string): string[] => text.split('\n').filter(Boolean);
const filesBelow = (folder: string): string[] =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .map((name) => `${folder}/${name.replaceAll('\\', '/')}`)
    .filter((name) => !name.includes('node_modules'));
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** The commit from which on edits are carried: where this branch left the one that it follows. */
function findBase(): string {
  if (values.since !== undefined) return values.since;
  try {
    return git('merge-base', '@{upstream}', 'HEAD').trim();
  } catch {
    return 'HEAD';
  }
}

/** A text that is null does not exist. A file that is gone is compared with the new one that has most of its sentences. */
function editsBetween(changed: readonly { before: string | null; after: string | null }[]): Edit[] {
  const parsed = changed.map(({ before, after }) => ({
    before: before === null ? null : sentencesOf(before),
    after: after === null ? null : sentencesOf(after),
  }));
  const come = parsed.flatMap(({ before, after }) => (before === null && after !== null ? [after] : []));
  const moved = (gone: readonly Sentence[]): readonly Sentence[] => {
    const texts = new Set(gone.map(textOf));
    const common = (other: readonly Sentence[]) => other.filter((each) => texts.has(textOf(each))).length;
    const [best] = [...come].sort((a, b) => common(b) - common(a));
    return best !== undefined && common(best) * 4 >= gone.length ? best : [];
  };
  return parsed.flatMap(({ before, after }) =>
    before === null ? [] : editsOf(before, after ?? moved(before)),
  );
}

function findEdits(base: string): Edit[] {
  const show = (commit: string, path: string): string | null => {
    try {
      return git('show', `${commit}:${path}`);
    } catch {
      return null;
    }
  };
  const onDisk = (path: string): string | null => (existsSync(join(ROOT, path)) ? read(path) : null);
  const commits = lines(git('rev-list', '--reverse', '--first-parent', `${base}..HEAD`, '--', ...SOURCES));
  const steps = commits.map((commit) => {
    const paths = lines(git('diff', '--name-only', '--no-renames', `${commit}^`, commit, '--', ...SOURCES));
    return paths.map((path) => ({ path, before: show(`${commit}^`, path), after: show(commit, path) }));
  });
  const paths = [
    ...lines(git('diff', '--name-only', '--no-renames', 'HEAD', '--', ...SOURCES)),
    ...lines(git('ls-files', '--others', '--exclude-standard', '--', ...SOURCES)),
  ];
  steps.push(paths.map((path) => ({ path, before: show('HEAD', path), after: onDisk(path) })));
  // A sentence that was edited twice goes from its first form to its last.
  let edits: Edit[] = [];
  for (const step of steps) {
    const next = editsBetween(step.filter(({ path }) => path.endsWith('.ts')));
    const later = new Map(next.map((edit) => [textOf(edit.before), edit.after]));
    edits = edits.map((edit) => ({ ...edit, after: later.get(textOf(edit.after)) ?? edit.after }));
    edits.push(...next);
  }
  return edits;
}

function carryEdits(): void {
  const base = findBase();
  const edits = findEdits(base);
  const current = SOURCES.flatMap(filesBelow)
    .filter((name) => name.endsWith('.ts'))
    .flatMap((name) => sentencesOf(read(name)).map(textOf));
  const carrier = carrierOf(edits, current);
  const pages = ['README.md', ...filesBelow('docs').filter((name) => name.endsWith('.md'))];
  const tests = filesBelow('test').filter((name) => name.endsWith('.ts'));
  console.log(`${edits.length} sentences were edited since ${base.slice(0, 10)}.`);
  if (edits.length === 0) return;
  const changed: string[] = [];
  for (const path of [...pages, ...tests]) {
    const text = read(path);
    const left: string[] = [];
    const carried = path.endsWith('.md') ? carrier.page(text) : carrier.code(text, left);
    if (carried !== text) {
      writeFileSync(join(ROOT, path), carried);
      console.log(`  ${path}`);
      if (path.endsWith('.ts')) changed.push(path);
    }
    for (const literal of left) console.log(`  ${path}: look at ${literal}`);
  }
  if (changed.length > 0) execFileSync('npx', ['biome', 'format', '--write', ...changed], { cwd: ROOT });
}

/** Test files that own generated text. */
const listOwners = (): string[] =>
  filesBelow('test').filter(
    (name) =>
      name.endsWith('.test.ts') && /\bexpectGenerated\(|\.toMatch(Inline|File)?Snapshot\(/.test(read(name)),
  );

carryEdits();
if (!values['edits-only']) {
  const owners = positionals.length > 0 ? positionals : listOwners();
  const projects = ['fast', 'fast-shared', 'oldest', 'middle', 'slow'].flatMap((name) => ['--project', name]);
  const snapshots = filesBelow('test').filter((name) => name.endsWith('.snap'));
  const before = new Map(snapshots.map((name) => [name, read(name)]));
  const { status } = spawnSync('npx', ['vitest', 'run', '--update', ...projects, ...owners], {
    cwd: ROOT,
    stdio: 'inherit',
    env: { ...process.env, UPDATE_DOCS: '1' },
  });
  if (status !== 0) {
    // vitest removes the snapshots of a test that failed before it reached them.
    for (const [name, text] of before) writeFileSync(join(ROOT, name), text);
    console.log('A test failed, so all snapshots are as before. Run this again when the test passes.');
  }
  console.log(git('diff', '--stat', '--', 'docs', 'README.md', 'test'));
  process.exitCode = status ?? 1;
}
