import { outlineOf } from '../../compiler/read/outline';
import type { Entry, ToolRules } from '../entry';
import { byRows, refuseSame } from './common';

/** What the command line makes its first file of, before it kept versions. */
const FIRST_VERSION = 20211209000000n;

/** `<digits>_<name>.sql`, flat, in the order of the names; one implicit transaction a file. */
export const supabase: ToolRules = {
  tool: 'Supabase',
  schemas: ['supabase_migrations'],
  read: ({ files, text }) => {
    const passed: { file: string; why: string }[] = [];
    const entries = files.flatMap((file, i): Entry[] => {
      const [, version, words] = /^(\d+)_(.*)\.sql$/.exec(file) ?? [];
      if (version === undefined) {
        if (/\.sql$/i.test(file)) passed.push({ file, why: 'its name is not <digits>_<name>.sql' });
        return [];
      }
      if (i === 0 && words === 'init' && BigInt(version) < FIRST_VERSION) {
        passed.push({ file, why: 'Supabase passes over an init file that is so old' });
        return [];
      }
      const name = file.replace(/\.sql$/, '');
      const entry = { key: version, file, name, version, words: words!.replaceAll('_', ' ') };
      return [{ ...entry, sql: text(file), transaction: 'file' }];
    });
    refuseSame(entries);
    return { entries, passed };
  },
  judge: (rows, entries) => {
    const texts = new Map(rows.map(({ version, statements }) => [version, statements]));
    return byRows(
      'Supabase',
      rows,
      entries,
      ({ version }) => version,
      ({ key, sql }, held) => {
        if (!held) return ['pending'];
        const ran = statementsIn(texts.get(key));
        if (ran === null || essence(ran) === essence(sql!)) return ['applied'];
        return ['edited', 'the ledger keeps other statements than the file has'];
      },
    );
  },
};

/** Null in older ledgers, and where none were kept. */
function statementsIn(json: string | null | undefined): string | null {
  if (json == null) return null;
  const list = JSON.parse(json) as readonly string[];
  return list.length === 0 ? null : list.join(';');
}

/** How the text is cut into statements, and what is a comment, is no edit. */
function essence(text: string): string {
  let rest = '';
  let at = 0;
  const lf = text.replaceAll('\r\n', '\n');
  for (const { start, end } of outlineOf(lf).comments) {
    rest += lf.slice(at, start);
    at = end;
  }
  return (rest + lf.slice(at)).replace(/[\s;]+/g, '');
}
