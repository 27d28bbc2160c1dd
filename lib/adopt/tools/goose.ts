import type { MigrationEntry, SkippedFile, ToolRules } from '../entry';
import { compareByNumber, judgeByRows, refuseDuplicateKeys, toWords } from './common';

/** Rules of goose: `<number>_<name>.sql` with `-- +goose Up`, ordered by number. */
export const goose: ToolRules = {
  tool: 'goose',
  read: ({ files, text }) => {
    const passed: SkippedFile[] = [];
    const entries = files.flatMap((file): MigrationEntry[] => {
      const version = /^(\d+)_[^/]*\.(sql|go)$/.exec(file)?.[1];
      if (version === undefined) {
        if (/\.sql$/i.test(file)) passed.push({ file, why: 'its name is not <number>_<name>.sql' });
        return [];
      }
      const name = file.replace(/\.[^.]+$/, '');
      const entry = { key: String(BigInt(version)), file, name, version, words: toWords(name) };
      if (file.endsWith('.go')) return [{ ...entry, sql: null, transaction: 'file' }];
      const written = text(file);
      const outside = /^\s*--\s*\+goose\s+NO TRANSACTION/im.test(written);
      const { up, down } = splitSections(written);
      return [
        { ...entry, sql: up, ...(down === '' ? {} : { down }), transaction: outside ? 'statement' : 'file' },
      ];
    });
    refuseDuplicateKeys(entries);
    return { entries: entries.sort(compareByNumber), passed };
  },
  judge: (rows, entries) =>
    judgeByRows('goose', rows, entries, ({ version_id: id, is_applied: is }) =>
      id === '0' || is !== 'true' ? null : id,
    ),
};

/** Returns the text below `-- +goose Up` and `-- +goose Down`, without goose's other annotations. */
function splitSections(text: string): { readonly up: string; readonly down: string } {
  const parts = { up: [] as string[], down: [] as string[] };
  let current: string[] = [];
  for (const line of text.split('\n')) {
    const mark = /^\s*--\s*\+goose\s+(\w+)/i.exec(line)?.[1]?.toLowerCase();
    if (mark === 'up' || mark === 'down') current = parts[mark];
    else if (mark === undefined) current.push(line);
  }
  return { up: parts.up.join('\n').trim(), down: parts.down.join('\n').trim() };
}
