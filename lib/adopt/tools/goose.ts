import type { Entry, Passed, ToolRules } from '../entry';
import { byNumber, byRows, refuseSame, wordsOf } from './common';

/** `<number>_<name>.sql` with `-- +goose Up`, by number. */
export const goose: ToolRules = {
  tool: 'goose',
  read: ({ files, text }) => {
    const passed: Passed[] = [];
    const entries = files.flatMap((file): Entry[] => {
      const version = /^(\d+)_[^/]*\.(sql|go)$/.exec(file)?.[1];
      if (version === undefined) {
        if (/\.sql$/i.test(file)) passed.push({ file, why: 'its name is not <number>_<name>.sql' });
        return [];
      }
      const name = file.replace(/\.[^.]+$/, '');
      const entry = { key: String(BigInt(version)), file, name, version, words: wordsOf(name) };
      if (file.endsWith('.go')) return [{ ...entry, sql: null, transaction: 'file' }];
      const written = text(file);
      const outside = /^\s*--\s*\+goose\s+NO TRANSACTION/im.test(written);
      const { up, down } = annotated(written);
      return [
        { ...entry, sql: up, ...(down === '' ? {} : { down }), transaction: outside ? 'statement' : 'file' },
      ];
    });
    refuseSame(entries);
    return { entries: entries.sort(byNumber), passed };
  },
  judge: (rows, entries) =>
    byRows('goose', rows, entries, ({ version_id: id, is_applied: is }) =>
      id === '0' || is !== 'true' ? null : id,
    ),
};

/** The text below `-- +goose Up` and `-- +goose Down`, without the other marks. */
function annotated(text: string): { readonly up: string; readonly down: string } {
  const parts = { up: [] as string[], down: [] as string[] };
  let current: string[] = [];
  for (const line of text.split('\n')) {
    const mark = /^\s*--\s*\+goose\s+(\w+)/i.exec(line)?.[1]?.toLowerCase();
    if (mark === 'up' || mark === 'down') current = parts[mark];
    else if (mark === undefined) current.push(line);
  }
  return { up: parts.up.join('\n').trim(), down: parts.down.join('\n').trim() };
}
