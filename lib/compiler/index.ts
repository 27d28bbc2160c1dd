/** A folder of migration files to a manifest, read by PostgreSQL's own parser. Everything that is wrong is said at once. */
import { type Manifest, makeManifest } from '../../lambda/engine/manifest';
import { byOrder, type FileName, readFileName } from './file-name';
import { decode, type MigrationFile, readFolder } from './files';
import { FolderKnowledge } from './knowledge';
import { type CompiledFile, compileFile } from './migration';
import { isReady, loadParser } from './parser';
import { byPlace, CompileError, type Problem } from './problem';
import { Source } from './source';

export type { MigrationFile } from './files';
export { CompileError, formatProblem, type Problem } from './problem';

/**
 * Compiles the `.sql` files of a folder; other files, hidden ones and subfolders are passed over.
 * @throws {CompileError} with every problem of every file
 */
export async function compileFolder(folder: string): Promise<Manifest> {
  const { files, problems } = readFolder(folder);
  return compile(files, folder, problems);
}

/**
 * The same from memory.
 * @param folder its name, for messages
 * @throws {CompileError} with every problem of every file
 */
export function compileFiles(files: readonly MigrationFile[], folder = 'migrations'): Promise<Manifest> {
  return compile(files, folder, []);
}

async function compile(
  files: readonly MigrationFile[],
  folder: string,
  folderProblems: readonly Problem[],
): Promise<Manifest> {
  const problems = [...folderProblems];
  const named = readNames(files, problems);
  refuseDuplicates(named, problems);
  const knowledge = new FolderKnowledge();
  const compiled: (CompiledFile & { source: Source })[] = [];
  for (const { source, name } of named) {
    // Somebody else's file may have spoiled it since it was loaded.
    while (!isReady()) await loadParser();
    compiled.push({ ...compileFile(source, name, knowledge), source });
  }
  refuseUnknownSuperseded(compiled);
  problems.push(...compiled.flatMap(({ source }) => source.problems));
  if (problems.length > 0) throw new CompileError(folder, problems.sort(byPlace));
  return makeManifest(compiled.map(({ migration }) => migration));
}

interface Named {
  readonly source: Source;
  readonly name: FileName;
}

/** Files whose bytes are text and whose names say what they are, in the order in which they are applied. */
function readNames(files: readonly MigrationFile[], problems: Problem[]): Named[] {
  const named: Named[] = [];
  for (const file of files) {
    const decoded = decode(file);
    if ('problem' in decoded) {
      problems.push(decoded.problem);
      continue;
    }
    const source = new Source(file.name, decoded.text);
    const name = readFileName(source);
    if (name) named.push({ source, name });
    else problems.push(...source.problems);
  }
  return named.sort((a, b) => byOrder(a.name, b.name));
}

/** `0007` and `7` are one number. */
function refuseDuplicates(named: readonly Named[], problems: Problem[]): void {
  const first = new Map<bigint, string>();
  for (const { source, name } of named) {
    if (name.kind === 'repeatable') continue;
    const number = BigInt(name.version);
    const taken = first.get(number);
    if (taken !== undefined)
      problems.push(
        source.problem(
          null,
          `the number ${number} is that of ${taken} too`,
          'Give one of them another number.',
        ),
      );
    else first.set(number, source.file);
  }
}

/** A migration can only supersede one that is applied before it. */
function refuseUnknownSuperseded(compiled: readonly (CompiledFile & { source: Source })[]): void {
  const order = new Map(compiled.map(({ migration }, i) => [migration.name, i]));
  compiled.forEach(({ source, directions }, own) => {
    for (const [name, at] of directions.supersedes) {
      const other = order.get(name);
      if (other === undefined)
        source.report(
          at,
          `there is no migration \`${name}\` to supersede`,
          'Give the file name, without `.sql`.',
        );
      else if (other >= own)
        source.report(
          at,
          `\`${name}\` is not older than this file`,
          'Only an older migration can be superseded.',
        );
    }
  });
}
