/** Folders on disk: what is read, what is passed over, and the synchronous form in a process of its own. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { buildSync } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildProgram } from '../../../lib/build/program';
import { CompileError, compileFolder, formatProblem } from '../../../lib/compiler';
import { compileFolderSync } from '../../../lib/compiler/sync';
import { file } from '../support';

const scratch = mkdtempSync(join(tmpdir(), 'trueup-compiler-'));
const root = resolve(__dirname, '../../..');
const good = join(scratch, 'good');
const bad = join(scratch, 'bad');

beforeAll(() => {
  mkdirSync(join(good, 'sub'), { recursive: true });
  writeFileSync(join(good, '0001_a.sql'), file("SELECT 'żółć';"));
  writeFileSync(join(good, 'target'), file('SELECT 2;'));
  symlinkSync('target', join(good, '0002_linked.sql'));
  for (const other of [
    'README.md',
    '.0003_hidden.sql',
    '0004_a.sql.orig',
    'schema.sql~',
    join('sub', '0005_x.sql'),
  ])
    writeFileSync(join(good, other), 'not SQL');
  mkdirSync(join(bad, '0001_folder.sql'), { recursive: true });
  writeFileSync(join(bad, '0002_a.sql'), '-- migrate:up\nCOMMIT;\nSELEC 1;\n-- migrate:verify\nSELECT 1\n');
  mkdirSync(join(scratch, 'empty'));
});
afterAll(() => rmSync(scratch, { recursive: true }));

const failure = async (folder: string): Promise<CompileError> => {
  const error: unknown = await compileFolder(folder).catch((thrown) => thrown);
  if (error instanceof CompileError) return error;
  throw new Error('it compiled, and should not have');
};

describe('compileFolder', () => {
  test('reads the migrations of a folder and passes over what else lies there', async () => {
    const { migrations } = await compileFolder(good);
    expect(migrations.map(({ name }) => name)).toEqual(['0001_a', '0002_linked']);
  });

  test.each([
    ['empty', 'the folder holds no migration'],
    ['nowhere', 'there is no such folder'],
    ['good/0001_a.sql', 'it is a file, not a folder'],
  ])('says what is wrong with %s', async (name, message) => {
    const { problems } = await failure(join(scratch, name));
    expect(problems.map((one) => one.message)).toEqual([message]);
    expect(formatProblem(problems[0]!)).toMatch(/^[^\n]+\n {2}[^\n]+\.$/);
  });

  test('reports the problems of all files, in order, in one text', async () => {
    const error = await failure(bad);
    expect(error.message.replaceAll(bad, 'FOLDER')).toMatchInlineSnapshot(`
      "3 problems in FOLDER

      0001_folder.sql: this is not a file
        Only a migration file may have a name that ends in \`.sql\`.

      0002_a.sql:2:1: COMMIT controls the transaction
        2 | COMMIT;
          | ^
        Remove it: Trueup opens and commits the transaction, together with verify and the ledger.

      0002_a.sql:3:1: syntax error at or near "SELEC"
        3 | SELEC 1;
          | ^
        Correct the statement: this is the message of PostgreSQL's own parser."
    `);
    expect(error.format()).toBe(error.message);
    expect(error.info.code).toBe('manifest');
  });
});

describe('compileFolderSync', () => {
  test('gives the same manifest', async () => {
    expect(compileFolderSync(good)).toEqual(await compileFolder(good));
  });

  test('throws the same error', async () => {
    const expected = await failure(bad);
    expect(() => compileFolderSync(bad)).toThrow(CompileError);
    try {
      compileFolderSync(bad);
    } catch (error) {
      expect((error as CompileError).problems).toEqual(expected.problems);
      expect((error as CompileError).message).toBe(expected.message);
    }
  });

  test('says what became of a process that dies, and is not confused by what others print', () => {
    const preload = join(scratch, 'preload.cjs');
    const options = process.env.NODE_OPTIONS;
    const withPreload = (code: string) => {
      writeFileSync(preload, code);
      process.env.NODE_OPTIONS = `--require ${preload}`;
      try {
        return compileFolderSync(good);
      } finally {
        if (options === undefined) delete process.env.NODE_OPTIONS;
        else process.env.NODE_OPTIONS = options;
      }
    };
    expect(() => withPreload("console.error('out of order'); process.exit(3)")).toThrow(
      /ended with exit code 3\. Its last output:\nout of order/,
    );
    expect(() => withPreload("process.kill(process.pid, 'SIGKILL')")).toThrow(/was ended by SIGKILL/);
    expect(() => withPreload('process.stdout.write = () => true')).toThrow(/ended with exit code 0/);
    expect(withPreload("process.stdout.write('hello')").migrations).toHaveLength(2);
  });

  test('works from JavaScript, as it is published', async () => {
    const out = mkdtempSync(join(root, 'node_modules', '.trueup-build-'));
    try {
      copyFileSync(join(root, 'package.json'), join(out, 'package.json'));
      await buildProgram(join(out, 'dist'));
      const outfile = join(out, 'dist/lib/sync.js');
      buildSync({
        entryPoints: [join(root, 'lib/compiler/sync.ts')],
        outfile,
        bundle: true,
        packages: 'external',
        platform: 'node',
      });
      const script = `console.log(require(${JSON.stringify(outfile)}).compileFolderSync(process.argv[1]).hash)`;
      const printed = execFileSync(process.execPath, ['-e', script, good], { encoding: 'utf8' });
      expect(printed.trim()).toBe(compileFolderSync(good).hash);
    } finally {
      rmSync(out, { recursive: true });
    }
  });
});
