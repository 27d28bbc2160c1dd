/** Which files of the folder another tool's ledger says are applied, by that tool's own rule. Pure. */

import type { ErrorInfo } from '../../contract/errors';
import type { Migration } from '../../contract/manifest';
import type { Ledger } from '../ledger/ledger';
import type { OtherLedger, Tool } from '../ledger/other-tools';

/** Files of the folder that are in another tool's ledger. */
export interface Elsewhere {
  readonly tool: Tool;
  readonly table: string;
  readonly names: ReadonlySet<string>;
}

export type LedgerRows = NonNullable<OtherLedger['rows']>;
type Rows = LedgerRows;
/** What a rule knows a file by. */
export type NamedFile = Pick<Migration, 'name' | 'version'>;
/** @param own names that Trueup itself has run here */
type Rule = <F extends NamedFile>(rows: Rows, files: readonly F[], own: ReadonlySet<string>) => F[];

const numberOf = (text: string | null | undefined): bigint | null =>
  text != null && /^\d+$/.test(text) ? BigInt(text) : null;

/** Exactly the digits that the file begins with. */
const byDigits: Rule = (rows, migrations) => {
  const versions = new Set(rows.map(({ version }) => version));
  return migrations.filter(({ version }) => versions.has(version));
};

const byNumber =
  (column: string): Rule =>
  (rows, migrations) => {
    const numbers = new Set(rows.map((row) => numberOf(row[column])));
    return migrations.filter(({ version }) => numbers.has(BigInt(version)));
  };

/** The whole name; built projects keep `.js` where the folder has `.sql`, and a folder of Prisma's may be called `….sql`. */
const byName =
  (column: string, applied: (row: Rows[number]) => boolean = () => true): Rule =>
  (rows, migrations) => {
    const names = new Set(
      rows
        .filter(applied)
        .flatMap(({ [column]: name }) => [name, name?.replace(/\.(sql|js|ts|cjs|mjs)$/, '')]),
    );
    return migrations.filter(({ name }) => names.has(name));
  };

/**
 * One row: all files up to that number. A number that no file has is of another folder; so is one that Trueup itself has
 * run files below, since it would have stopped at the first of them.
 */
const upToNumber: Rule = (rows, migrations, own) => {
  const reached = numberOf(rows[0]?.version);
  if (reached === null || !migrations.some(({ version }) => BigInt(version) === reached)) return [];
  const held = migrations.filter(({ version }) => BigInt(version) <= reached);
  return held.some(({ name }) => own.has(name)) ? [] : held;
};

/** A number of so many digits is a time, and names a file by itself; `1` is in everybody's folder. */
const TELLING_DIGITS = 8;
const wordsOf = ({ name, version }: NamedFile): string =>
  name.slice(version.length).replace(/^_+/, '').replaceAll('_', ' ');

/** Number, and words where the number alone is in everybody's folder. */
const byNumberAndWords =
  (succeeded: (row: Rows[number]) => boolean): Rule =>
  (rows, migrations) =>
    migrations.filter((migration) =>
      rows.some(
        (row) =>
          succeeded(row) &&
          numberOf(row.version) === BigInt(migration.version) &&
          (migration.version.length >= TELLING_DIGITS ||
            row.description?.replaceAll('_', ' ') === wordsOf(migration)),
      ),
    );

/** The number and the words behind it, `0001_create-users` as 1 and `create-users`. */
const byNumberAndName: Rule = (rows, migrations) =>
  migrations.filter(({ name, version }) =>
    rows.some(
      (row) =>
        numberOf(row.id) === BigInt(version) && row.name === name.slice(version.length).replace(/^[-_]/, ''),
    ),
  );

/**
 * The newest row of a number says whether it is applied; 0 is no file. Small numbers are the folder's where it has a file
 * for each that is applied, and Trueup itself has run none of them.
 */
const goose: Rule = (rows, migrations, own) => {
  const newest = new Map<bigint | null, boolean>();
  for (const row of [...rows].sort((a, b) => Number(a.id) - Number(b.id)))
    newest.set(numberOf(row.version_id), row.is_applied === 'true');
  const applied = new Set(
    [...newest].filter(([number, is]) => is && number !== 0n).map(([number]) => number),
  );
  const held = migrations.filter(({ version }) => applied.has(BigInt(version)));
  const small = held.filter(({ version }) => version.length < TELLING_DIGITS);
  const ours = held.length === applied.size && !small.some(({ name }) => own.has(name));
  return ours ? held : held.filter((migration) => !small.includes(migration));
};

/** The newest row of a version counts; a baseline counts for all files up to it, once a file is known for the folder's. */
const flyway: Rule = (rows, migrations) => {
  const newest = new Map<bigint, Rows[number]>();
  const ranked = [...rows].sort((a, b) => Number(a.installed_rank) - Number(b.installed_rank));
  for (const row of ranked) {
    const number = numberOf(row.version);
    if (number !== null) newest.set(number, row);
  }
  const applied = new Map(
    [...newest].filter(([, { success, type }]) => success === 'true' && !/DELETE|UNDO/.test(type ?? '')),
  );
  const held = migrations.filter((migration) => {
    const row = applied.get(BigInt(migration.version));
    if (row === undefined) return false;
    return migration.version.length >= TELLING_DIGITS || row.description === wordsOf(migration);
  });
  const baselines = [...applied]
    .filter(([, { type }]) => /BASELINE/.test(type ?? ''))
    .map(([number]) => number);
  const covered = (number: bigint) => baselines.some((baseline) => number <= baseline);
  return held.length === 0
    ? []
    : migrations.filter((migration) => held.includes(migration) || covered(BigInt(migration.version)));
};

/** 1.0 keeps the name. 0.x keeps a time alone, which a name with 14 digits repeats to the second. */
const drizzle: Rule = (rows, migrations, own) => {
  const seconds = new Set(rows.map(({ created_at }) => Math.floor(Number(created_at) / 1_000)));
  const named = new Set(byName('name')(rows, migrations, own));
  return migrations.filter((migration) => {
    const [, y, mo, d, h, mi, s] =
      /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(migration.version)?.map(Number) ?? [];
    const at = y === undefined ? Number.NaN : Date.UTC(y, mo! - 1, d, h, mi, s) / 1_000;
    return named.has(migration) || seconds.has(at);
  });
};

const RULES: Readonly<Record<Tool, Rule>> = {
  dbmate: byDigits,
  Rails: byDigits,
  Supabase: byDigits,
  Ecto: byNumber('version'),
  TypeORM: byNumber('timestamp'),
  'golang-migrate': upToNumber,
  tern: upToNumber,
  'graphile-migrate': byName('filename'),
  'postgres-migrations': byNumberAndName,
  yoyo: byName('migration_id'),
  Flyway: flyway,
  Drizzle: drizzle,
  Prisma: byName('migration_name', ({ finished_at, rolled_back_at }) => !!finished_at && !rolled_back_at),
  'node-pg-migrate': byName('name'),
  Knex: byName('name'),
  Sequelize: byName('name'),
  'sql-migrate': byName('id'),
  sqlx: byNumberAndWords(({ success }) => success === 'true'),
  Atlas: byNumberAndWords(({ applied, total }) => applied === total),
  goose,
};

/** The files that a tool has applied, as the rows of its ledger say. Pure. */
export const heldBy = <F extends NamedFile>(tool: Tool, rows: LedgerRows, files: readonly F[]): F[] =>
  RULES[tool](rows, files, new Set());

/** For each ledger that holds any of the folder's files, those that it holds. */
export function heldElsewhere(
  others: readonly OtherLedger[],
  migrations: readonly Migration[],
  ledger: Pick<Ledger, 'migrations'>,
): Elsewhere[] {
  const own = new Set(ledger.migrations.filter(({ baselined }) => !baselined).map(({ name }) => name));
  const versioned = migrations.filter(({ kind }) => kind === 'versioned');
  return others
    .map(({ tool, table, rows }) => {
      const held = RULES[tool](rows ?? [], versioned, own);
      return { tool, table, names: new Set(held.map(({ name }) => name)) };
    })
    .filter(({ names }) => names.size > 0);
}

/** What is about to be applied, but is applied already as another tool says. */
export function appliedElsewhere(
  elsewhere: readonly Elsewhere[],
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
      remedy: `Nothing was run. \`trueup baseline ${last.name}\` records what ${tool} has applied, without running it; what comes after is then applied.`,
      details: [`Applied by ${tool}: ${shown.join(', ')}`],
    };
  }
  return null;
}

/** Ledgers whose content the login role may not see. */
export const unreadable = (others: readonly OtherLedger[]): string[] =>
  others
    .filter(({ rows }) => rows === null)
    .map(
      ({ tool, table }) =>
        `${table} looks like the ledger of ${tool}, and the login role may not read it; whether ${tool} has applied files of this folder is not known`,
    );
