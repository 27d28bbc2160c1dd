import type { LedgerRows } from '../../../lambda/engine/plan/other-tools';
import type { LedgerStatus, MigrationEntry, SkippedFile, ToolRules } from '../entry';
import { AdoptProblem } from '../problem';
import { type EntryVerdict, refuseDuplicateKeys, toEntryStatus } from './common';

const FILE_NAME = /^([VRB])(\d+(?:[._]\d+)*)?__(.*)\.(sql|java|class|kt|groovy)$/;
const getBaseName = (file: string): string => file.split('/').at(-1)!;

/**
 * Rules of Flyway: `V<version>__<description>.sql` in all folders, ordered by the parts of the version, then
 * `R__<description>.sql`. A new database starts with a baseline migration, `B…`, if the folder no longer has the
 * versions that the baseline replaces.
 */
export const flyway: ToolRules = {
  tool: 'Flyway',
  read: ({ files, text }, { placeholders = new Map() } = {}) => {
    const passed: SkippedFile[] = [];
    const begin = findBaselineMigration(files);
    const entries = files.flatMap((file): MigrationEntry[] => {
      const base = getBaseName(file);
      const [, kind, digits = '', description, ending] = FILE_NAME.exec(base) ?? [];
      if (
        kind === undefined ||
        (kind !== 'R') !== (digits !== '') ||
        (kind === 'B' && (file !== begin || ending !== 'sql'))
      ) {
        if (/\.sql$/i.test(base)) passed.push({ file, why: explainSkipped(base) });
        return [];
      }
      const version = parseVersion(digits).join('.');
      const words = description!.replaceAll('_', ' ');
      const common = {
        file,
        words,
        name: `${version}_${description}`,
        version: /^\d+$/.test(version) ? version : '',
        transaction: 'file' as const,
      };
      if (ending !== 'sql') return [{ ...common, key: version || words, sql: null }];
      const written = text(file);
      const hashed = {
        sql: replacePlaceholders(file, written, placeholders),
        hashes: [String(computeChecksum(written))],
      };
      return kind !== 'R'
        ? [{ ...common, ...hashed, key: version }]
        : [{ ...common, ...hashed, key: words, name: description!, repeatable: true }];
    });
    refuseDuplicateKeys(entries);
    const inOrder = (a: MigrationEntry, b: MigrationEntry): number =>
      Number(a.repeatable ?? false) - Number(b.repeatable ?? false) ||
      (a.repeatable ? (a.key < b.key ? -1 : 1) : compareVersions(a.key, b.key));
    return { entries: entries.sort(inOrder), passed };
  },
  judge: judgeLedger,
};

/**
 * Replaces placeholders as Flyway does, including those in comments.
 * @throws {AdoptProblem} if a placeholder has no value, which would stop Flyway too
 */
const replacePlaceholders = (file: string, text: string, placeholders: ReadonlyMap<string, string>): string =>
  text.replace(/\$\{([^}\n]+)\}/g, (whole, name: string) => {
    const value = placeholders.get(name);
    if (value !== undefined) return value;
    throw new AdoptProblem(
      `${file} has the placeholder ${whole}, and Trueup does not read Flyway's configuration`,
      `Give its value: --placeholder '${name}=…'. If Flyway is configured not to replace any: --placeholder '${name}=${whole}'.`,
    );
  });

const explainSkipped = (base: string): string =>
  /^U\d/.test(base)
    ? 'it undoes a version, which only paid editions of Flyway run'
    : /^B\d/.test(base)
      ? 'the folder has the versions that this baseline migration replaces, or a newer baseline migration'
      : /^(before|after)[A-Z]/.test(base)
        ? 'it is a callback, which Flyway runs at each migration; Trueup has no callbacks'
        : 'its name is not V<version>__<description>.sql or R__<description>.sql';

/** Returns the newest baseline migration if the folder has none of the versions that it replaces. */
function findBaselineMigration(files: readonly string[]): string | undefined {
  const versioned = files.flatMap((file) => {
    const [, kind, digits] = FILE_NAME.exec(getBaseName(file)) ?? [];
    return kind === undefined || digits === undefined ? [] : [{ file, kind, digits }];
  });
  const newest = versioned
    .filter(({ kind }) => kind === 'B')
    .sort((a, b) => compareVersions(a.digits, b.digits))
    .at(-1);
  const isSubstitute =
    newest &&
    !versioned.some((each) => each.kind === 'V' && compareVersions(each.digits, newest.digits) <= 0);
  return isSubstitute ? newest.file : undefined;
}

/** Splits a version into numbers: 1.10 comes after 1.9, and 1.0 equals 1. */
const parseVersion = (version: string): bigint[] => {
  const parts = version.split(/[._]/).map((part) => BigInt(part || '0'));
  while (parts.length > 1 && parts.at(-1) === 0n) parts.pop();
  return parts;
};

function compareVersions(a: string, b: string): number {
  const [x, y] = [parseVersion(a), parseVersion(b)];
  for (let i = 0; i < Math.max(x.length, y.length); i++) {
    const [left, right] = [x[i] ?? 0n, y[i] ?? 0n];
    if (left !== right) return left < right ? -1 : 1;
  }
  return 0;
}

const UNDO_TYPES = /DELETE|UNDO/;
/** `type` of a ledger row for a baseline migration `B…`; the command `flyway baseline` writes BASELINE. */
const BASELINE_SCRIPT = 'SQL_BASELINE';

function judgeLedger(rows: LedgerRows, entries: readonly MigrationEntry[]): LedgerStatus {
  const ranked = [...rows].sort((a, b) => Number(a.installed_rank) - Number(b.installed_rank));
  const newest = new Map<string, LedgerRows[number]>();
  let baseline: string | null = null;
  let reached: string | null = null;
  for (const row of ranked) {
    const isVersion = /^\d+([._]\d+)*$/.test(row.version ?? '');
    const key = isVersion ? parseVersion(row.version!).join('.') : (row.description ?? '');
    newest.set(key, row);
    if (!isVersion || row.success !== 'true') continue;
    if (/BASELINE/.test(row.type ?? '')) baseline = key;
    if (reached === null || compareVersions(key, reached) > 0) reached = key;
  }
  const verdict = ({ key, file, hashes = [], repeatable }: MigrationEntry): EntryVerdict => {
    const row = newest.get(key);
    const begins = FILE_NAME.exec(getBaseName(file))?.[1] === 'B';
    if (row !== undefined && row.success !== 'true')
      return ['failed', 'it failed without a transaction, so part of it may have been applied'];
    if (begins && row?.type !== BASELINE_SCRIPT && reached !== null && compareVersions(key, reached) <= 0)
      return ['stamped', 'the database existed before this baseline migration, so Flyway did not run it'];
    const ran = begins ? row?.type === BASELINE_SCRIPT : !/BASELINE/.test(row?.type ?? '');
    if (row !== undefined && !UNDO_TYPES.test(row.type ?? '') && ran) {
      const same = row.checksum == null || hashes.includes(row.checksum);
      // Flyway will run a changed repeatable migration again.
      if (!same && repeatable) return ['pending', 'an earlier text of it was applied'];
      return same ? ['applied'] : ['edited', 'its checksum in the ledger differs from the file'];
    }
    if (!repeatable && baseline !== null && compareVersions(key, baseline) <= 0)
      return ['stamped', `Flyway's baseline ${baseline} covers it, and Flyway did not run it`];
    if (!repeatable && reached !== null && row === undefined && compareVersions(key, reached) < 0)
      return [
        'skipped',
        `it is older than ${reached}, which was applied: Flyway skips it unless outOfOrder is set`,
      ];
    return ['pending'];
  };
  const keys = new Set(entries.map(({ key }) => key));
  const strange = [...newest].filter(
    ([key, { type }]) => !keys.has(key) && !/BASELINE|SCHEMA|DELETE/.test(type ?? ''),
  );
  return {
    entries: entries.map((entry) => toEntryStatus(entry, verdict(entry))),
    strangers: strange.map(([key]) => key),
  };
}

/** Computes Flyway's checksum: the CRC-32 of the lines without their line ends, as a signed number. */
function computeChecksum(text: string): number {
  let crc = -1;
  for (const byte of Buffer.from(
    text
      .replace(/^\uFEFF/, '')
      .split(/\r\n|\r|\n/)
      .join(''),
  )) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc | 0;
}
