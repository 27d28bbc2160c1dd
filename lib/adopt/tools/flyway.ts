import type { LedgerRows } from '../../../lambda/engine/plan/other-tools';
import type { Entry, Judgement, Passed, ToolRules } from '../entry';
import { AdoptProblem } from '../problem';
import { judged, refuseSame, type Verdict } from './common';

const NAME = /^([VRB])(\d+(?:[._]\d+)*)?__(.*)\.(sql|java|class|kt|groovy)$/;
const baseOf = (file: string): string => file.split('/').at(-1)!;

/**
 * `V<version>__<description>.sql` in all folders, by the parts of the version; then `R__<description>.sql`. A baseline migration,
 * `B…`, is what a new database begins with where the folder no longer has the versions that it stands for.
 */
export const flyway: ToolRules = {
  tool: 'Flyway',
  read: ({ files, text }, { placeholders = new Map() } = {}) => {
    const passed: Passed[] = [];
    const begin = beginningOf(files);
    const entries = files.flatMap((file): Entry[] => {
      const base = baseOf(file);
      const [, kind, digits = '', description, ending] = NAME.exec(base) ?? [];
      if (
        kind === undefined ||
        (kind !== 'R') !== (digits !== '') ||
        (kind === 'B' && (file !== begin || ending !== 'sql'))
      ) {
        if (/\.sql$/i.test(base)) passed.push({ file, why: whyPassed(base) });
        return [];
      }
      const version = partsOf(digits).join('.');
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
      const hashed = { sql: replaced(file, written, placeholders), hashes: [String(checksumOf(written))] };
      return kind !== 'R'
        ? [{ ...common, ...hashed, key: version }]
        : [{ ...common, ...hashed, key: words, name: description!, repeatable: true }];
    });
    refuseSame(entries);
    const inOrder = (a: Entry, b: Entry): number =>
      Number(a.repeatable ?? false) - Number(b.repeatable ?? false) ||
      (a.repeatable ? (a.key < b.key ? -1 : 1) : compareVersions(a.key, b.key));
    return { entries: entries.sort(inOrder), passed };
  },
  judge,
};

/** As Flyway does it, in comments too. @throws {AdoptProblem} where it would stop for want of a value */
const replaced = (file: string, text: string, placeholders: ReadonlyMap<string, string>): string =>
  text.replace(/\$\{([^}\n]+)\}/g, (whole, name: string) => {
    const value = placeholders.get(name);
    if (value !== undefined) return value;
    throw new AdoptProblem(
      `${file} has the placeholder ${whole}, and Flyway's configuration is not read`,
      `Give its value: --placeholder '${name}=…'. If Flyway is configured not to replace any: --placeholder '${name}=${whole}'.`,
    );
  });

const whyPassed = (base: string): string =>
  /^U\d/.test(base)
    ? 'it undoes a version, which only paid editions run'
    : /^B\d/.test(base)
      ? 'the folder has the versions that this baseline migration stands for, or a newer one'
      : /^(before|after)[A-Z]/.test(base)
        ? 'it is a callback: Flyway runs it at each migration, and Trueup has none'
        : 'its name is not V<version>__<description>.sql or R__<description>.sql';

/** The newest baseline migration, where the folder has none of the versions that it stands for. */
function beginningOf(files: readonly string[]): string | undefined {
  const versioned = files.flatMap((file) => {
    const [, kind, digits] = NAME.exec(baseOf(file)) ?? [];
    return kind === undefined || digits === undefined ? [] : [{ file, kind, digits }];
  });
  const newest = versioned
    .filter(({ kind }) => kind === 'B')
    .sort((a, b) => compareVersions(a.digits, b.digits))
    .at(-1);
  const standsIn =
    newest &&
    !versioned.some((each) => each.kind === 'V' && compareVersions(each.digits, newest.digits) <= 0);
  return standsIn ? newest.file : undefined;
}

/** 1.10 comes after 1.9, and 1.0 is 1. */
const partsOf = (version: string): bigint[] => {
  const parts = version.split(/[._]/).map((part) => BigInt(part || '0'));
  while (parts.length > 1 && parts.at(-1) === 0n) parts.pop();
  return parts;
};

function compareVersions(a: string, b: string): number {
  const [x, y] = [partsOf(a), partsOf(b)];
  for (let i = 0; i < Math.max(x.length, y.length); i++) {
    const [left, right] = [x[i] ?? 0n, y[i] ?? 0n];
    if (left !== right) return left < right ? -1 : 1;
  }
  return 0;
}

const CONDITIONAL = /DELETE|UNDO/;
/** The type of a row of `B…`; that of `flyway baseline` is BASELINE. */
const BASELINE_SCRIPT = 'SQL_BASELINE';

function judge(rows: LedgerRows, entries: readonly Entry[]): Judgement {
  const ranked = [...rows].sort((a, b) => Number(a.installed_rank) - Number(b.installed_rank));
  const newest = new Map<string, LedgerRows[number]>();
  let baseline: string | null = null;
  let reached: string | null = null;
  for (const row of ranked) {
    const isVersion = /^\d+([._]\d+)*$/.test(row.version ?? '');
    const key = isVersion ? partsOf(row.version!).join('.') : (row.description ?? '');
    newest.set(key, row);
    if (!isVersion || row.success !== 'true') continue;
    if (/BASELINE/.test(row.type ?? '')) baseline = key;
    if (reached === null || compareVersions(key, reached) > 0) reached = key;
  }
  const verdict = ({ key, file, hashes = [], repeatable }: Entry): Verdict => {
    const row = newest.get(key);
    const begins = NAME.exec(baseOf(file))?.[1] === 'B';
    if (row !== undefined && row.success !== 'true')
      return ['failed', 'it failed outside a transaction, and may have been run in part'];
    if (begins && row?.type !== BASELINE_SCRIPT && reached !== null && compareVersions(key, reached) <= 0)
      return ['stamped', 'the database was there before this baseline migration, and Flyway did not run it'];
    const ran = begins ? row?.type === BASELINE_SCRIPT : !/BASELINE/.test(row?.type ?? '');
    if (row !== undefined && !CONDITIONAL.test(row.type ?? '') && ran) {
      const same = row.checksum == null || hashes.includes(row.checksum);
      // A repeatable that has changed is due to run again.
      if (!same && repeatable) return ['pending', 'it was applied with another text'];
      return same ? ['applied'] : ['edited', 'the ledger has another checksum than the file'];
    }
    if (!repeatable && baseline !== null && compareVersions(key, baseline) <= 0)
      return ['stamped', `Flyway's baseline ${baseline} covers it, and Flyway did not run it`];
    if (!repeatable && reached !== null && row === undefined && compareVersions(key, reached) < 0)
      return [
        'skipped',
        `it is older than ${reached}, which was applied: Flyway passes it over unless outOfOrder is set`,
      ];
    return ['pending'];
  };
  const keys = new Set(entries.map(({ key }) => key));
  const strange = [...newest].filter(
    ([key, { type }]) => !keys.has(key) && !/BASELINE|SCHEMA|DELETE/.test(type ?? ''),
  );
  return {
    entries: entries.map((entry) => judged(entry, verdict(entry))),
    strangers: strange.map(([key]) => key),
  };
}

/** CRC-32 over the lines without their ends, as a signed number. */
function checksumOf(text: string): number {
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
