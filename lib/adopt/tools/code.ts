import type { Tool } from '../../../lambda/engine/ledger/other-tools';
import type { Entry, ToolRules } from '../entry';
import { byRows, leadingDigits, wordsOf } from './common';

/** A tool whose migrations are code. @param keyOf what its ledger calls a file */
const code = (
  tool: Tool,
  keyOf: (row: Readonly<Record<string, string | null>>) => string | null,
): ToolRules => ({
  tool,
  code: true,
  read: ({ files }) => ({
    entries: files.flatMap((file): Entry[] => {
      if (!/^\d[^/]*\.[cm]?[jt]s$/.test(file) || file.endsWith('.d.ts')) return [];
      const name = file.replace(/\.[^.]+$/, '');
      const version = leadingDigits(name);
      const key = tool === 'TypeORM' ? version : name;
      return [{ key, file, name, version, words: wordsOf(name), sql: null, transaction: 'file' }];
    }),
    passed: [],
  }),
  judge: (rows, entries) => byRows(tool, rows, entries, keyOf),
});

/** Built projects keep `.js` where the folder has `.ts`. */
const base = (name: string | null | undefined): string | null => name?.replace(/\.[cm]?[jt]s$/, '') ?? null;

export const CODE: readonly ToolRules[] = [
  code('Knex', ({ name }) => base(name)),
  code('TypeORM', ({ timestamp }) => timestamp ?? null),
  code('Sequelize', ({ name }) => base(name)),
];
