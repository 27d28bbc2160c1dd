/** What `check --run` does: the structure of the database on an empty one, and the written files after it. */
import type { Catalog } from '../../../lambda/audit/catalog';
import type { WrittenFile } from '../../../lib/audit/write/files';
import { buildStructureFiles } from '../../../lib/audit/write/structure';
import { compileFiles } from '../../../lib/compiler';
import { lackingInBase } from '../../audit/lacking';
import { decided } from '../../audit/round-trip';
import { up } from '../../support/engine';
import { snapshotOf, withClient } from './databases';

/** A function whose body calls what was lost: what is computed by it cannot be made again, and `check --run` says so. */
const callsLost = (error: Error): boolean =>
  /"file":"0000_as_found.sql","sqlstate":"42883"/.test(error.message);

/** @returns what is wrong */
export async function fromNothing(
  url: string,
  catalog: Catalog,
  files: readonly WrittenFile[],
): Promise<readonly string[]> {
  const empty = new URL(url);
  empty.pathname += '_from_nothing';
  const database = empty.pathname.slice(1);
  const apply = async (texts: readonly (readonly [name: string, text: string])[], namespace: string) => {
    if (texts.length === 0) return;
    const bytes = texts.map(([name, text]) => ({ name, bytes: Buffer.from(text) }));
    await up(empty.href, await compileFiles(bytes, namespace), { namespace });
  };
  const base = [...buildStructureFiles(catalog, [])];
  // What cannot be made again is not there for the files either.
  if (base.some(([, text]) => text.includes('-- Left out: '))) return [];
  await withClient(url, (client) => client.query(`CREATE DATABASE ${database}`));
  try {
    await apply(base, 'base');
    const missing = lackingInBase(catalog, (await snapshotOf(empty.href)).catalog);
    await apply(
      files.map(({ name, text }) => [name, decided(text)]),
      'written',
    );
    return missing.map((each) => `the base lacks: ${each}`);
  } catch (error) {
    if (callsLost(error as Error)) return [];
    return [`on an empty server: ${(error as Error).message.slice(0, 600)}`];
  } finally {
    await withClient(url, (client) => client.query(`DROP DATABASE ${database} WITH (FORCE)`));
  }
}
