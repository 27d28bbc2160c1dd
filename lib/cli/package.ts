import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The folder with our package.json: above the sources, or above dist/ when compiled. */
export function packageFolder(): string {
  for (let folder = __dirname; folder !== dirname(folder); folder = dirname(folder)) {
    try {
      const { name } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { name?: string };
      if (name === 'trueup') return folder;
    } catch {
      // Not this one.
    }
  }
  throw new Error('The package.json of trueup is missing; install the package again.');
}

export function packageVersion(): string {
  const text = readFileSync(join(packageFolder(), 'package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
