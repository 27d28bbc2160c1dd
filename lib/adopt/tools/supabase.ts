import { parseOutline } from '../../compiler/read/outline';
import type { MigrationEntry, ToolRules } from '../entry';
import { judgeByRows, refuseDuplicateKeys } from './common';

/**
 * An `init` file with a smaller version was written by a Supabase CLI that did not track versions yet; the CLI skips
 * it.
 */
const FIRST_VERSION = 20211209000000n;

/** Rules of Supabase: `<digits>_<name>.sql` in one folder, ordered by name. Each file is one implicit transaction. */
export const supabase: ToolRules = {
  tool: 'Supabase',
  schemas: ['supabase_migrations'],
  read: ({ files, text }) => {
    const passed: { file: string; why: string }[] = [];
    const entries = files.flatMap((file, i): MigrationEntry[] => {
      const [, version, words] = /^(\d+)_(.*)\.sql$/.exec(file) ?? [];
      if (version === undefined) {
        if (/\.sql$/i.test(file)) passed.push({ file, why: 'its name is not <digits>_<name>.sql' });
        return [];
      }
      if (i === 0 && words === 'init' && BigInt(version) < FIRST_VERSION) {
        passed.push({ file, why: 'Supabase skips an init file with so old a version' });
        return [];
      }
      const name = file.replace(/\.sql$/, '');
      const entry = { key: version, file, name, version, words: words!.replaceAll('_', ' ') };
      return [{ ...entry, sql: text(file), transaction: 'file' }];
    });
    refuseDuplicateKeys(entries);
    return { entries, passed };
  },
  judge: (rows, entries) => {
    const texts = new Map(rows.map(({ version, statements }) => [version, statements]));
    return judgeByRows(
      'Supabase',
      rows,
      entries,
      ({ version }) => version,
      ({ key, sql }, held) => {
        if (!held) return ['pending'];
        const ran = joinStatements(texts.get(key));
        if (ran === null || normalizeText(ran) === normalizeText(sql!)) return ['applied'];
        return ['edited', 'its statements in the ledger differ from the file'];
      },
    );
  },
};

/** Returns the SQL that the ledger recorded; `null` if it has none, as in older ledgers. */
function joinStatements(json: string | null | undefined): string | null {
  if (json == null) return null;
  const list = JSON.parse(json) as readonly string[];
  return list.length === 0 ? null : list.join(';');
}

/** Reduces SQL to what decides whether a file was edited: comments, white space and semicolons are removed. */
function normalizeText(text: string): string {
  let rest = '';
  let at = 0;
  const lf = text.replaceAll('\r\n', '\n');
  for (const { start, end } of parseOutline(lf).comments) {
    rest += lf.slice(at, start);
    at = end;
  }
  return (rest + lf.slice(at)).replace(/[\s;]+/g, '');
}
