/** Where this code lies: the package's folder, and the root of `lib/` and `lambda/` below it. */
import { readFileSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';

/** The folder with our package.json: above the sources, or above dist/ in the build. */
export function packageFolder(): string {
  for (let folder = __dirname; folder !== dirname(folder); folder = dirname(folder)) {
    try {
      const { name } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { name?: string };
      if (name === 'trueup') return folder;
    } catch {
      // This folder has no readable package.json.
    }
  }
  throw new Error('The package.json of trueup is missing; install the package again.');
}

export function packageVersion(): string {
  const text = readFileSync(join(packageFolder(), 'package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** Whether this is a checkout's TypeScript, and not the build. */
export const isSource = (): boolean => extname(__filename) === '.ts';

/** The package's folder in a checkout, `dist` in the build. A bundle has one `__dirname` for all modules that are in it. */
export const codeRoot = (): string => (isSource() ? packageFolder() : join(packageFolder(), 'dist'));
