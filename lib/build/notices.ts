/** Collects the licenses of the bundled packages. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Metafile } from 'esbuild';
import { packageFolder } from '../package';

/** File in the build's root. It is not part of the functions, so that their uploaded code stays the same. */
export const NOTICES = 'THIRD_PARTY_NOTICES.txt';

/** Returns the absolute paths of the packages that the bundles contain. */
export const listBundledPackages = (metafiles: readonly Metafile[]): readonly string[] =>
  [
    ...new Set(
      metafiles.flatMap(({ inputs }) =>
        Object.keys(inputs).flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(path) ?? []),
      ),
    ),
  ]
    .map((folder) => resolve(packageFolder(), folder))
    .sort();

/** Returns name, version, license text and NOTICE of each package, as the licenses require. */
export function thirdPartyNotices(folders: readonly string[]): string {
  const packages = folders.map(read);
  const head =
    'The bundled functions and the bundled program contain parts of the following packages, under the licenses given here.';
  const notices = packages.map((each) => notice(each, packages));
  return `${[head, ...new Set(notices)].join(`\n\n${'-'.repeat(80)}\n\n`)}\n`;
}

interface Package {
  readonly folder: string;
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly repository: string | undefined;
  /** Texts of its license and NOTICE; empty if the package does not contain them. */
  readonly texts: readonly string[];
}

function read(folder: string): Package {
  const { name, version, license, repository } = JSON.parse(
    readFileSync(join(folder, 'package.json'), 'utf8'),
  );
  const getText = (file: string) => readFileSync(join(folder, file), 'utf8').trim();
  const files = readdirSync(folder);
  const own = files.filter((file) => /^(licen[cs]e|copying|notice)([.-].*)?$/i.test(file)).map(getText);
  // Some packages have the license at the end of their README.
  const readme = files.filter((file) => /^readme(\..*)?$/i.test(file)).map(getText);
  const texts =
    own.length > 0 ? own : readme.flatMap((text) => /^#+ *licen[cs]e\b.*$[\s\S]*/im.exec(text) ?? []);
  return { folder, name, version, license, repository: repository?.url ?? repository, texts };
}

function notice(
  { folder, name, version, license, repository, texts }: Package,
  all: readonly Package[],
): string {
  // Some packages of the AWS SDK lack the license file that their repository has once for all packages.
  const siblings = all.filter(
    (each) => repository !== undefined && each.repository === repository && each.license === license,
  );
  const found = [texts, ...siblings.map((each) => each.texts)].find((each) => each.length > 0);
  if (!found)
    throw new Error(`${name} ${version} is bundled, but ${folder} does not contain its license text`);
  return [`${name} ${version} (${license})`, ...found].join('\n\n');
}
