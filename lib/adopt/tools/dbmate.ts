import { readLayout } from '../../compiler/read/sections';
import { Source } from '../../compiler/read/source';
import type { MigrationEntry, SkippedFile, ToolRules } from '../entry';
import { judgeByRows, readLeadingDigits, refuseDuplicateKeys, toWords } from './common';

/** Rules of dbmate: files `<digits>….sql` with `-- migrate:up` and `-- migrate:down`, ordered by name. */
export const dbmate: ToolRules = {
  tool: 'dbmate',
  read: ({ files, text }) => {
    const passed: SkippedFile[] = [];
    const entries = files.flatMap((file): MigrationEntry[] => {
      if (!/^\d+.*\.sql$/.test(file)) {
        if (/\.sql$/i.test(file)) passed.push({ file, why: 'its name does not begin with digits' });
        return [];
      }
      const version = readLeadingDigits(file);
      const name = file.replace(/\.sql$/, '');
      const source = new Source(file, text(file));
      const { sections } = readLayout(source, { version });
      const of = (section: 'up' | 'down'): string =>
        (sections.get(section)?.parts ?? [])
          .map(({ start, end }) => source.text.slice(start, end))
          .join('\n')
          .trim();
      const marker = sections.get('up')?.marker ?? 0;
      const outside = /transaction:false/.test(source.text.slice(marker).split('\n', 1)[0]!);
      const entry = { key: version, file, name, version, words: toWords(name) };
      return [{ ...entry, sql: of('up'), down: of('down'), transaction: outside ? 'statement' : 'file' }];
    });
    refuseDuplicateKeys(entries);
    return { entries, passed };
  },
  judge: (rows, entries) => judgeByRows('dbmate', rows, entries, ({ version }) => version),
};
