/**
 * Recognizes folders of other migration tools by files that only they have. Such files contain nothing that Trueup
 * could verify.
 */
import { existsSync, readdirSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import type { Problem } from '../problem';
import type { MigrationFile } from './files';

interface FolderEntries {
  readonly folder: string;
  readonly files: readonly string[];
  readonly folders: readonly string[];
}

export type OtherTool =
  | 'Drizzle'
  | 'Flyway'
  | 'golang-migrate'
  | 'Knex'
  | 'node-pg-migrate'
  | 'Prisma'
  | 'Sequelize'
  | 'Supabase'
  | 'TypeORM';

type ToolSigns = readonly (readonly [tool: OtherTool, holds: (entries: FolderEntries) => boolean])[];

const hasMatch = (names: readonly string[], pattern: RegExp): boolean =>
  names.some((name) => pattern.test(name));
const hasNestedFile = ({ folder, folders }: FolderEntries, file: string): boolean =>
  folders.some((each) => existsSync(join(folder, each, file)));

/** The first match decides. */
const TOOL_SIGNS: ToolSigns = [
  ['Prisma', ({ files }) => files.includes('migration_lock.toml')],
  ['Drizzle', ({ folder }) => existsSync(join(folder, 'meta', '_journal.json'))],
  [
    'Drizzle',
    (entries) => hasNestedFile(entries, 'snapshot.json') && hasNestedFile(entries, 'migration.sql'),
  ],
  ['Prisma', (entries) => hasNestedFile(entries, 'migration.sql')],
  ['Supabase', ({ folder }) => basename(resolve(folder, '..')) === 'supabase'],
  ['Flyway', ({ files }) => hasMatch(files, /^V\d[\d._]*__.+\.sql$/)],
  [
    'node-pg-migrate',
    ({ files }) =>
      hasMatch(files, /^(\d{13}|\d{17})[_-].+\.(up\.sql|down\.sql|[cm]?[jt]s)$/) &&
      !hasMatch(files, /^\d{13}-/),
  ],
  ['golang-migrate', ({ files }) => hasMatch(files, /^\d+_.+\.(up|down)\.sql$/)],
  ['TypeORM', ({ files }) => hasMatch(files, /^\d{13}-.+\.[cm]?[jt]s$/)],
  ['Sequelize', ({ files }) => hasMatch(files, /^\d{14}-.+\.[cm]?[jt]s$/)],
  ['Knex', ({ files }) => hasMatch(files, /^\d{14}_.+\.[cm]?[jt]s$/)],
];

const NODE_PG_MIGRATE_MARKER = /^\s*--[\s-]*up\s+migration/im;
const TRUEUP_MARKER = /^--\s*migrate:/m;

/** Returns the tool to which a folder belongs; `undefined` if it is unknown or one of the files is Trueup's. */
export function detectTool(folder: string, files: readonly MigrationFile[]): OtherTool | undefined {
  const texts = files.map(({ bytes }) => Buffer.from(bytes).toString('latin1'));
  if (texts.some((text) => TRUEUP_MARKER.test(text))) return undefined;
  return (
    TOOL_SIGNS.find(([, holds]) => holds(readEntries(folder)))?.[0] ??
    (texts.some((text) => NODE_PG_MIGRATE_MARKER.test(text)) ? 'node-pg-migrate' : undefined)
  );
}

/** Returns a single problem for the folder, in place of one for each file. */
export function findOtherToolProblem(folder: string, files: readonly MigrationFile[]): Problem | undefined {
  const tool = detectTool(folder, files);
  if (tool === undefined) return undefined;
  return {
    file: '',
    line: null,
    column: null,
    message: `these are ${tool}'s migrations, which Trueup does not run`,
    remedy: `Start a separate folder next to them, e.g. with \`trueup new NAME\`; or take them over with \`trueup adopt\` (docs/adopting.md).`,
    snippet: '',
  };
}

function readEntries(folder: string): FolderEntries {
  try {
    const entries = readdirSync(folder, { withFileTypes: true });
    const names = (isFolder: boolean) =>
      entries.filter((entry) => entry.isDirectory() === isFolder).map(({ name }) => name);
    return { folder, files: names(false), folders: names(true) };
  } catch {
    return { folder, files: [], folders: [] };
  }
}
