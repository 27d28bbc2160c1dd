/**
 * Compiles a folder of migration files to a manifest with PostgreSQL's own parser. All problems are reported at once.
 */
import { findRenumbered, type Manifest, type Migration, makeManifest } from '../../lambda/contract/manifest';
import { type CompiledFile, compileFile } from './migration';
import { FolderModel } from './model/schema-model';
import { CompileError, compareByLocation, type Problem } from './problem';
import { compareFileNames, type FileName, readFileName } from './read/file-name';
import { decodeFile, type MigrationFile, readFolder } from './read/files';
import { findOtherToolProblem } from './read/other-tools';
import { isParserReady, loadParser, ParseFailure } from './read/parser';
import { type FileLayout, readLayout } from './read/sections';
import { Source } from './read/source';

export { CompileError, formatProblem, type Problem } from './problem';
export type { MigrationFile } from './read/files';

export interface CompileOptions {
  /**
   * Name of the newest migration that was applied before Trueup was adopted: only later ones need consent.
   * @default - the file that contains `-- migrate:history`, if any
   */
  readonly history?: string;
  /**
   * Called for text that is read differently from how it looks, or ignored.
   * @default - warnings are dropped
   */
  readonly warn?: (warning: Problem) => void;
}

/**
 * Compiles the `.sql` files of a folder. Other files, hidden files and subfolders are ignored.
 * @throws {CompileError} with every problem of every file
 */
export async function compileFolder(folder: string, options: CompileOptions = {}): Promise<Manifest> {
  const { files, problems } = readFolder(folder);
  const other = findOtherToolProblem(folder, files);
  if (other) throw new CompileError(folder, [other]);
  return compile(files, folder, problems, options);
}

/**
 * Compiles files in memory.
 * @param folder name of the folder, for messages
 * @throws {CompileError} with every problem of every file
 */
export function compileFiles(
  files: readonly MigrationFile[],
  folder = 'migrations',
  options: CompileOptions = {},
): Promise<Manifest> {
  return compile(files, folder, [], options);
}

type CompiledSource = CompiledFile & { readonly source: Source; readonly layout: FileLayout };

async function compile(
  files: readonly MigrationFile[],
  folder: string,
  folderProblems: readonly Problem[],
  { history, warn }: CompileOptions,
): Promise<Manifest> {
  const problems = [...folderProblems];
  const named = readNames(files, problems);
  refuseDuplicates(named, problems);
  const end = findHistoryEnd(named, history);
  const model = new FolderModel();
  const compiled: CompiledSource[] = [];
  for (const { source, name, layout } of named) {
    // A file of another caller may have broken the parser since it was loaded.
    while (!isParserReady()) await loadParser();
    const isHistory = name.kind === 'versioned' && end !== null && BigInt(name.version) <= end;
    try {
      compiled.push({ ...compileFile(source, name, layout, model, isHistory), source, layout });
    } catch (error) {
      // The file parses, but a later reading of one of its parts failed.
      if (!(error instanceof ParseFailure)) throw error;
      problems.push(...source.problems, source.problem(error.at, error.message, UNREADABLE_REMEDY));
    }
  }
  const migrations = withSuperseded(compiled);
  problems.push(...compiled.flatMap(({ source }) => source.problems), ...findMissingConsents(compiled));
  if (problems.length > 0) throw new CompileError(folder, problems.sort(compareByLocation));
  const warnings = compiled.flatMap(({ source }) => source.warnings).sort(compareByLocation);
  for (const warning of warnings) warn?.(warning);
  return makeManifest(migrations);
}

interface NamedSource {
  readonly source: Source;
  readonly name: FileName;
  readonly layout: FileLayout;
}

/** Returns the files that are text and have valid names, in the order in which they are applied. */
function readNames(files: readonly MigrationFile[], problems: Problem[]): NamedSource[] {
  const named: NamedSource[] = [];
  for (const file of files) {
    const decoded = decodeFile(file);
    if ('problem' in decoded) {
      problems.push(decoded.problem);
      continue;
    }
    const source = new Source(file.name, decoded.text);
    const name = readFileName(source);
    if (name) named.push({ source, name, layout: readLayout(source, name) });
    else problems.push(...source.problems);
  }
  return named.sort((a, b) => compareFileNames(a.name, b.name));
}

const UNREADABLE_REMEDY =
  'Write it in other words, or split the statement; and please report it, with the file.';

/** Reports files with the same number: `0007` and `7` are equal. */
function refuseDuplicates(named: readonly NamedSource[], problems: Problem[]): void {
  const first = new Map<bigint, string>();
  for (const { source, name } of named) {
    if (name.kind === 'repeatable') continue;
    const number = BigInt(name.version);
    const taken = first.get(number);
    if (taken !== undefined)
      problems.push(
        source.problem(
          null,
          `the number ${number} is also that of ${taken}`,
          'Give another number to the one that is not applied yet; `trueup status` shows which is.',
        ),
      );
    else first.set(number, source.file);
  }
}

/** A migration can only supersede one that is applied before it; by the name that its file has now. */
function withSuperseded(compiled: readonly CompiledSource[]): Migration[] {
  const order = new Map(compiled.map(({ migration }, i) => [migration.name, i]));
  const versioned = compiled.flatMap(({ migration }) =>
    migration.kind === 'versioned' ? migration.name : [],
  );
  return compiled.map(({ source, directions, migration }, own) => {
    const supersedes: string[] = [];
    for (const [written, at] of directions.supersedes) {
      const name = order.has(written) ? written : findRenumbered(written, versioned);
      if (name === null)
        source.report(
          at,
          `there is no migration \`${written}\` to supersede`,
          'Give the file name, without `.sql`; if the file was renamed, its new name.',
        );
      else if (order.get(name)! >= own)
        source.report(
          at,
          `\`${name}\` is not older than this file`,
          'Only an older migration can be superseded.',
        );
      else {
        supersedes.push(name);
        if (name !== written)
          source.warn(
            at,
            `there is no migration \`${written}\`; \`${name}\`, which has its name under another number, is superseded`,
            `Write \`${name}\`, if that is meant.`,
          );
      }
    }
    return { ...migration, settings: { ...migration.settings, supersedes } };
  });
}

/** Returns the number up to which files are history. */
function findHistoryEnd(named: readonly NamedSource[], given: string | undefined): bigint | null {
  const versioned = named.filter(({ name }) => name.kind === 'versioned');
  const names = versioned.map(({ name }) => name.name);
  const last = given === undefined || names.includes(given) ? given : findRenumbered(given, names);
  const ends = versioned.filter(
    ({ name, layout }) =>
      name.name === last || layout.directives.some((directive) => directive.name === 'history'),
  );
  const numbers = ends.map(({ name }) => BigInt(name.version));
  return numbers.reduce<bigint | null>((most, each) => (most === null || each > most ? each : most), null);
}

/** If at least this many dbmate files lack consent, they are reported together. */
const MIN_FILES_TO_SUMMARIZE = 3;
const MAX_LISTED_FILES = 5;

/**
 * Reports missing consents. A dbmate folder is older than our rules, and its users need the way to adopt it more than a
 * problem per line.
 */
function findMissingConsents(compiled: readonly CompiledSource[]): Problem[] {
  const lacking = compiled.filter((file) => file.unconsented.length > 0);
  const old = lacking.filter(({ layout }) => layout.plainDbmate);
  if (old.length < MIN_FILES_TO_SUMMARIZE) return lacking.flatMap((file) => file.unconsented);
  const names = old.slice(0, MAX_LISTED_FILES).map(({ source }) => source.file);
  if (old.length > MAX_LISTED_FILES) names.push(`and ${old.length - MAX_LISTED_FILES} more`);
  const newest = old.at(-1)!.source.file;
  const summary: Problem = {
    file: newest,
    line: null,
    column: null,
    message: `${old.length} of dbmate's files destroy data, or run code that cannot be seen, and do not consent to it: ${names.join(', ')}`,
    remedy: `If they were applied before Trueup was adopted, write \`-- migrate:history <why>\` at the top of ${newest}, or of a newer file that was: no consent is required up to there.`,
    snippet: '',
  };
  const others = lacking.filter(({ layout }) => !layout.plainDbmate);
  return [summary, ...others.flatMap((file) => file.unconsented)];
}
