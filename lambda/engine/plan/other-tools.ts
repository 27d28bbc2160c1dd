/** Decides which files of the folder another tool has applied, by that tool's own rules for its ledger. Pure. */

import type { ErrorInfo } from '../../contract/errors';
import type { Migration } from '../../contract/manifest';
import type { Ledger } from '../ledger/ledger';
import type { ForeignLedger, LedgerTool } from '../ledger/other-tools';

/** Files of the folder that another tool's ledger contains. */
export interface FilesAppliedElsewhere {
  readonly tool: LedgerTool;
  readonly table: string;
  readonly names: ReadonlySet<string>;
}

export type LedgerRows = NonNullable<ForeignLedger['rows']>;
type ToolRows = LedgerRows;
/** The properties by which a rule identifies a file. */
export type NamedFile = Pick<Migration, 'name' | 'version'>;
/** Selects the files that the rows record as applied. @param own names of files that Trueup itself has run here */
type MatchRule = <F extends NamedFile>(rows: ToolRows, files: readonly F[], own: ReadonlySet<string>) => F[];

const parseNumber = (text: string | null | undefined): bigint | null =>
  text != null && /^\d+$/.test(text) ? BigInt(text) : null;

/** Matches the version exactly as the digits at the start of the file name. */
const matchByDigits: MatchRule = (rows, migrations) => {
  const versions = new Set(rows.map(({ version }) => version));
  return migrations.filter(({ version }) => versions.has(version));
};

const matchByNumber =
  (column: string): MatchRule =>
  (rows, migrations) => {
    const numbers = new Set(rows.map((row) => parseNumber(row[column])));
    return migrations.filter(({ version }) => numbers.has(BigInt(version)));
  };

/**
 * Matches the whole name. Compiled projects record `.js` where the folder has `.sql`, and the name of a Prisma folder
 * may itself end in `.sql`.
 */
const matchByName =
  (column: string, applied: (row: ToolRows[number]) => boolean = () => true): MatchRule =>
  (rows, migrations) => {
    const names = new Set(
      rows
        .filter(applied)
        .flatMap(({ [column]: name }) => [name, name?.replace(/\.(sql|js|ts|cjs|mjs)$/, '')]),
    );
    return migrations.filter(({ name }) => names.has(name));
  };

/**
 * The ledger's only row means that all files up to that number are applied. If no file has the number, the ledger
 * belongs to another folder. The same holds if Trueup itself has run files up to that number, since it would have
 * stopped at the first of them.
 */
const matchUpToNumber: MatchRule = (rows, migrations, own) => {
  const reached = parseNumber(rows[0]?.version);
  if (reached === null || !migrations.some(({ version }) => BigInt(version) === reached)) return [];
  const held = migrations.filter(({ version }) => BigInt(version) <= reached);
  return held.some(({ name }) => own.has(name)) ? [] : held;
};

/**
 * From this many digits on, a version is a timestamp and identifies a file on its own; a version such as `1` exists
 * in every folder.
 */
const MIN_TIMESTAMP_DIGITS = 8;
const extractTitle = ({ name, version }: NamedFile): string =>
  name.slice(version.length).replace(/^_+/, '').replaceAll('_', ' ');

/** Matches the version, and also the words after it where the version is too short to be unique. */
const matchByNumberAndTitle =
  (succeeded: (row: ToolRows[number]) => boolean): MatchRule =>
  (rows, migrations) =>
    migrations.filter((migration) =>
      rows.some(
        (row) =>
          succeeded(row) &&
          parseNumber(row.version) === BigInt(migration.version) &&
          (migration.version.length >= MIN_TIMESTAMP_DIGITS ||
            row.description?.replaceAll('_', ' ') === extractTitle(migration)),
      ),
    );

/** Matches the number and the words after it: `0001_create-users` is recorded as 1 and `create-users`. */
const matchByNumberAndName: MatchRule = (rows, migrations) =>
  migrations.filter(({ name, version }) =>
    rows.some(
      (row) =>
        parseNumber(row.id) === BigInt(version) &&
        row.name === name.slice(version.length).replace(/^[-_]/, ''),
    ),
  );

/**
 * The newest row of a version says whether it is applied; version 0 is no file. Small version numbers count only if
 * the folder has a file for every applied version, and Trueup itself has run none of those files.
 */
const matchGoose: MatchRule = (rows, migrations, own) => {
  const newest = new Map<bigint | null, boolean>();
  for (const row of [...rows].sort((a, b) => Number(a.id) - Number(b.id)))
    newest.set(parseNumber(row.version_id), row.is_applied === 'true');
  const applied = new Set(
    [...newest].filter(([number, is]) => is && number !== 0n).map(([number]) => number),
  );
  const held = migrations.filter(({ version }) => applied.has(BigInt(version)));
  const small = held.filter(({ version }) => version.length < MIN_TIMESTAMP_DIGITS);
  const ours = held.length === applied.size && !small.some(({ name }) => own.has(name));
  return ours ? held : held.filter((migration) => !small.includes(migration));
};

/**
 * The newest row of a version decides. A baseline row covers all files up to its version, once at least one other row
 * is known to belong to this folder.
 */
const matchFlyway: MatchRule = (rows, migrations) => {
  const newest = new Map<bigint, ToolRows[number]>();
  const ranked = [...rows].sort((a, b) => Number(a.installed_rank) - Number(b.installed_rank));
  for (const row of ranked) {
    const number = parseNumber(row.version);
    if (number !== null) newest.set(number, row);
  }
  const applied = new Map(
    [...newest].filter(([, { success, type }]) => success === 'true' && !/DELETE|UNDO/.test(type ?? '')),
  );
  const held = migrations.filter((migration) => {
    const row = applied.get(BigInt(migration.version));
    if (row === undefined) return false;
    return migration.version.length >= MIN_TIMESTAMP_DIGITS || row.description === extractTitle(migration);
  });
  const baselines = [...applied]
    .filter(([, { type }]) => /BASELINE/.test(type ?? ''))
    .map(([number]) => number);
  const covered = (number: bigint) => baselines.some((baseline) => number <= baseline);
  return held.length === 0
    ? []
    : migrations.filter((migration) => held.includes(migration) || covered(BigInt(migration.version)));
};

/** Drizzle 1.0 records the name. 0.x records only a time, which matches a name with 14 digits to the second. */
const matchDrizzle: MatchRule = (rows, migrations, own) => {
  const seconds = new Set(rows.map(({ created_at }) => Math.floor(Number(created_at) / 1_000)));
  const named = new Set(matchByName('name')(rows, migrations, own));
  return migrations.filter((migration) => {
    const [, y, mo, d, h, mi, s] =
      /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(migration.version)?.map(Number) ?? [];
    const at = y === undefined ? Number.NaN : Date.UTC(y, mo! - 1, d, h, mi, s) / 1_000;
    return named.has(migration) || seconds.has(at);
  });
};

const MATCH_RULES: Readonly<Record<LedgerTool, MatchRule>> = {
  dbmate: matchByDigits,
  Rails: matchByDigits,
  Supabase: matchByDigits,
  Ecto: matchByNumber('version'),
  TypeORM: matchByNumber('timestamp'),
  'golang-migrate': matchUpToNumber,
  tern: matchUpToNumber,
  'graphile-migrate': matchByName('filename'),
  'postgres-migrations': matchByNumberAndName,
  yoyo: matchByName('migration_id'),
  Flyway: matchFlyway,
  Drizzle: matchDrizzle,
  Prisma: matchByName(
    'migration_name',
    ({ finished_at, rolled_back_at }) => !!finished_at && !rolled_back_at,
  ),
  'node-pg-migrate': matchByName('name'),
  Knex: matchByName('name'),
  Sequelize: matchByName('name'),
  'sql-migrate': matchByName('id'),
  sqlx: matchByNumberAndTitle(({ success }) => success === 'true'),
  Atlas: matchByNumberAndTitle(({ applied, total }) => applied === total),
  goose: matchGoose,
};

/** Returns the files that a tool has applied, according to the rows of its ledger. Pure. */
export const listRecordedFiles = <F extends NamedFile>(
  tool: LedgerTool,
  rows: LedgerRows,
  files: readonly F[],
): F[] => MATCH_RULES[tool](rows, files, new Set());

/** Returns, for each ledger that contains files of the folder, those files. */
export function findFilesAppliedElsewhere(
  others: readonly ForeignLedger[],
  migrations: readonly Migration[],
  ledger: Pick<Ledger, 'migrations'>,
): FilesAppliedElsewhere[] {
  const own = new Set(ledger.migrations.filter(({ baselined }) => !baselined).map(({ name }) => name));
  const versioned = migrations.filter(({ kind }) => kind === 'versioned');
  return others
    .map(({ tool, table, rows }) => {
      const held = MATCH_RULES[tool](rows ?? [], versioned, own);
      return { tool, table, names: new Set(held.map(({ name }) => name)) };
    })
    .filter(({ names }) => names.size > 0);
}

/** Returns an error if one of these migrations is already applied according to another tool's ledger. */
export function findAppliedElsewhereError(
  elsewhere: readonly FilesAppliedElsewhere[],
  about: readonly Migration[],
): ErrorInfo | null {
  for (const { tool, table, names } of elsewhere) {
    const held = about.filter(({ name }) => names.has(name));
    const last = held.at(-1);
    if (last === undefined) continue;
    const one = held.length === 1;
    const shown = held.slice(0, 5).map(({ name }) => name);
    if (held.length > shown.length) shown.push(`and ${held.length - shown.length} more`);
    return {
      code: 'history',
      migration: held[0]!.name,
      file: held[0]!.file,
      message: `${tool} has applied ${one ? 'it' : 'it and others of this folder'} to this database already (its ledger is ${table})`,
      remedy: `Nothing was run. \`trueup baseline ${last.name}\` records what ${tool} has applied, without running it; the next deployment applies the rest.`,
      details: [`Applied by ${tool}: ${shown.join(', ')}`],
    };
  }
  return null;
}

/** Warns of ledgers that were not read. */
export const listUnreadableLedgers = (others: readonly ForeignLedger[]): string[] =>
  others
    .filter(({ rows }) => rows === null)
    .map(({ tool, table, code }) =>
      code === undefined
        ? `${table} looks like the ledger of ${tool}, but the login role may not read it; whether ${tool} has applied files of this folder is not known`
        : `${table} looks like the ledger of ${tool}, but reading it may run untrusted code with the privileges of this login (${code}); whether ${tool} has applied files of this folder is not known`,
    );
