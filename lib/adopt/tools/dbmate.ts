import { readLayout } from '../../compiler/read/sections';
import { Source } from '../../compiler/read/source';
import type { Entry, Passed, ToolRules } from '../entry';
import { byRows, leadingDigits, refuseSame, wordsOf } from './common';

/** `<digits>….sql` with `-- migrate:up` and `-- migrate:down`, by name. */
export const dbmate: ToolRules = {
  tool: 'dbmate',
  read: ({ files, text }) => {
    const passed: Passed[] = [];
    const entries = files.flatMap((file): Entry[] => {
      if (!/^\d+.*\.sql$/.test(file)) {
        if (/\.sql$/i.test(file)) passed.push({ file, why: 'its name does not begin with digits' });
        return [];
      }
      const version = leadingDigits(file);
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
      const entry = { key: version, file, name, version, words: wordsOf(name) };
      return [{ ...entry, sql: of('up'), down: of('down'), transaction: outside ? 'statement' : 'file' }];
    });
    refuseSame(entries);
    return { entries, passed };
  },
  judge: (rows, entries) => byRows('dbmate', rows, entries, ({ version }) => version),
};
