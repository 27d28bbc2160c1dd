import type { Manifest, Migration } from '../../lambda/contract/manifest';
import { CompileError, compileFiles, type Problem } from '../../lib/compiler';

export type Files = Readonly<Record<string, string | Uint8Array>>;

export const compile = (files: Files): Promise<Manifest> =>
  compileFiles(
    Object.entries(files).map(([name, text]) => ({
      name,
      bytes: typeof text === 'string' ? Buffer.from(text) : text,
    })),
  );

/** Every problem of the files; fails when there is none. */
export async function problemsOf(files: Files): Promise<readonly Problem[]> {
  try {
    await compile(files);
  } catch (error) {
    if (error instanceof CompileError) return error.problems;
    throw error;
  }
  throw new Error('it compiled, and should not have');
}

export const CONSENT = '-- migrate:consent destroys for the test\n-- migrate:consent rewrites for the test\n';

/** A file that is complete around its `up`. */
export const file = (up: string, rest = ''): string =>
  `-- migrate:up\n${up}\n-- migrate:verify\nSELECT 'never' WHERE false\n${rest}`;

/** The one migration of a file around this `up`, with all consents given. */
export async function compileUp(up: string, rest = ''): Promise<Migration> {
  const { migrations } = await compile({ '0001_test.sql': CONSENT + file(up, rest) });
  return migrations[0]!;
}
