/** A folder of migration files to a manifest, read by PostgreSQL's own parser. Everything that is wrong is said at once. */
import { type Manifest, makeManifest } from '../../lambda/contract/manifest';
import { type CompiledFile, compileFile } from './migration';
import { FolderModel } from './model/schema-model';
import { byPlace, CompileError, type Problem } from './problem';
import { byOrder, type FileName, readFileName } from './read/file-name';
import { decode, type MigrationFile, readFolder } from './read/files';
import { otherTool } from './read/other-tools';
import { isReady, loadParser } from './read/parser';
import { type Layout, readLayout } from './read/sections';
import { Source } from './read/source';

export { CompileError, formatProblem, type Problem } from './problem';
export type { MigrationFile } from './read/files';

export interface CompileOptions {
  /**
   * Name of the newest migration that was applied before Trueup was adopted: the rules of consent are for those after it.
   * @default - the file that says `-- migrate:history`, if any
   */
  readonly history?: string;
  /** Called for what is read otherwise than it is written, or passed over. @default - nobody is told */
  readonly warn?: (warning: Problem) => void;
}

/**
 * Compiles the `.sql` files of a folder; other files, hidden ones and subfolders are passed over.
 * @throws {CompileError} with every problem of every file
 */
export async function compileFolder(folder: string, options: CompileOptions = {}): Promise<Manifest> {
  const { files, problems } = readFolder(folder);
  const other = otherTool(folder, files);
  if (other) throw new CompileError(folder, [other]);
  return compile(files, folder, problems, options);
}

/**
 * The same from memory.
 * @param folder its name, for messages
 * @throws {CompileError} with every problem of every file
 */
export function compileFiles(
  files: readonly MigrationFile[],
  folder = 'migrations',
  options: CompileOptions = {},
): Promise<Manifest> {
  return compile(files, folder, [], options);
}

type Compiled = CompiledFile & { readonly source: Source; readonly layout: Layout };

async function compile(
  files: readonly MigrationFile[],
  folder: string,
  folderProblems: readonly Problem[],
  { history, warn }: CompileOptions,
): Promise<Manifest> {
  const problems = [...folderProblems];
  const named = readNames(files, problems);
  refuseDuplicates(named, problems);
  const end = endOfHistory(named, history);
  const model = new FolderModel();
  const compiled: Compiled[] = [];
  for (const { source, name, layout } of named) {
    // Somebody else's file may have spoiled it since it was loaded.
    while (!isReady()) await loadParser();
    const isHistory = name.kind === 'versioned' && end !== null && BigInt(name.version) <= end;
    compiled.push({ ...compileFile(source, name, layout, model, isHistory), source, layout });
  }
  refuseUnknownSuperseded(compiled);
  problems.push(...compiled.flatMap(({ source }) => source.problems), ...unconsented(compiled));
  if (problems.length > 0) throw new CompileError(folder, problems.sort(byPlace));
  const warnings = compiled.flatMap(({ source }) => source.warnings).sort(byPlace);
  for (const warning of warnings) warn?.(warning);
  return makeManifest(compiled.map(({ migration }) => migration));
}

interface Named {
  readonly source: Source;
  readonly name: FileName;
  readonly layout: Layout;
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
    if (name) named.push({ source, name, layout: readLayout(source, name) });
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
          `the number ${number} is also that of ${taken}`,
          'Give one of them another number.',
        ),
      );
    else first.set(number, source.file);
  }
}

/** A migration can only supersede one that is applied before it. */
function refuseUnknownSuperseded(compiled: readonly Compiled[]): void {
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

/** The number up to which files are history. */
function endOfHistory(named: readonly Named[], given: string | undefined): bigint | null {
  const ends = named.filter(
    ({ name, layout }) =>
      name.kind === 'versioned' &&
      (name.name === given || layout.directives.some((directive) => directive.name === 'history')),
  );
  const numbers = ends.map(({ name }) => BigInt(name.version));
  return numbers.reduce<bigint | null>((most, each) => (most === null || each > most ? each : most), null);
}

/** From so many of dbmate's files on, what they lack is said once. */
const MANY = 3;
const SHOWN = 5;

/** A folder of dbmate's is older than our rules: whoever brings one wants to know the way in, not every line. */
function unconsented(compiled: readonly Compiled[]): Problem[] {
  const lacking = compiled.filter((file) => file.unconsented.length > 0);
  const old = lacking.filter(({ layout }) => layout.plainDbmate);
  if (old.length < MANY) return lacking.flatMap((file) => file.unconsented);
  const names = old.slice(0, SHOWN).map(({ source }) => source.file);
  if (old.length > SHOWN) names.push(`and ${old.length - SHOWN} more`);
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
