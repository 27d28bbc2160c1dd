/** Folders of other migration tools, by the files that only they have. Their files say nothing that Trueup could prove. */
import { existsSync, readdirSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import type { Problem } from '../problem';
import type { MigrationFile } from './files';

interface Entries {
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

type Signs = readonly (readonly [tool: OtherTool, holds: (entries: Entries) => boolean])[];

const some = (names: readonly string[], pattern: RegExp): boolean => names.some((name) => pattern.test(name));
const within = ({ folder, folders }: Entries, file: string): boolean =>
  folders.some((each) => existsSync(join(folder, each, file)));

/** The first that holds. */
const SIGNS: Signs = [
  ['Prisma', ({ files }) => files.includes('migration_lock.toml')],
  ['Drizzle', ({ folder }) => existsSync(join(folder, 'meta', '_journal.json'))],
  ['Drizzle', (entries) => within(entries, 'snapshot.json') && within(entries, 'migration.sql')],
  ['Prisma', (entries) => within(entries, 'migration.sql')],
  ['Supabase', ({ folder }) => basename(resolve(folder, '..')) === 'supabase'],
  ['Flyway', ({ files }) => some(files, /^V\d[\d._]*__.+\.sql$/)],
  [
    'node-pg-migrate',
    ({ files }) =>
      some(files, /^(\d{13}|\d{17})[_-].+\.(up\.sql|down\.sql|[cm]?[jt]s)$/) && !some(files, /^\d{13}-/),
  ],
  ['golang-migrate', ({ files }) => some(files, /^\d+_.+\.(up|down)\.sql$/)],
  ['TypeORM', ({ files }) => some(files, /^\d{13}-.+\.[cm]?[jt]s$/)],
  ['Sequelize', ({ files }) => some(files, /^\d{14}-.+\.[cm]?[jt]s$/)],
  ['Knex', ({ files }) => some(files, /^\d{14}_.+\.[cm]?[jt]s$/)],
];

const NODE_PG_MIGRATE = /^\s*--[\s-]*up\s+migration/im;
const OURS = /^--\s*migrate:/m;

/** Whose folder it is. Undefined for one that holds a file of ours, or that nobody knows. */
export function toolOf(folder: string, files: readonly MigrationFile[]): OtherTool | undefined {
  const texts = files.map(({ bytes }) => Buffer.from(bytes).toString('latin1'));
  if (texts.some((text) => OURS.test(text))) return undefined;
  return (
    SIGNS.find(([, holds]) => holds(entriesOf(folder)))?.[0] ??
    (texts.some((text) => NODE_PG_MIGRATE.test(text)) ? 'node-pg-migrate' : undefined)
  );
}

/** One problem in the place of one a file. */
export function otherTool(folder: string, files: readonly MigrationFile[]): Problem | undefined {
  const tool = toolOf(folder, files);
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

function entriesOf(folder: string): Entries {
  try {
    const entries = readdirSync(folder, { withFileTypes: true });
    const names = (isFolder: boolean) =>
      entries.filter((entry) => entry.isDirectory() === isFolder).map(({ name }) => name);
    return { folder, files: names(false), folders: names(true) };
  } catch {
    return { folder, files: [], folders: [] };
  }
}
