import type { LedgerTool } from '../../../lambda/engine/ledger/other-tools';
import type { MigrationEntry, ToolRules } from '../entry';
import { judgeByRows, readLeadingDigits, toWords } from './common';

/**
 * Builds the rules of a tool whose migrations are code.
 * @param getKey returns the key of the file that a ledger row is about
 */
const createCodeTool = (
  tool: LedgerTool,
  getKey: (row: Readonly<Record<string, string | null>>) => string | null,
): ToolRules => ({
  tool,
  code: true,
  read: ({ files }) => ({
    entries: files.flatMap((file): MigrationEntry[] => {
      if (!/^\d[^/]*\.[cm]?[jt]s$/.test(file) || file.endsWith('.d.ts')) return [];
      const name = file.replace(/\.[^.]+$/, '');
      const version = readLeadingDigits(name);
      const key = tool === 'TypeORM' ? version : name;
      return [{ key, file, name, version, words: toWords(name), sql: null, transaction: 'file' }];
    }),
    passed: [],
  }),
  judge: (rows, entries) => judgeByRows(tool, rows, entries, getKey),
});

/** Removes the extension: built projects record `.js` in the ledger where the folder has `.ts`. */
const stripExtension = (name: string | null | undefined): string | null =>
  name?.replace(/\.[cm]?[jt]s$/, '') ?? null;

export const CODE_TOOLS: readonly ToolRules[] = [
  createCodeTool('Knex', ({ name }) => stripExtension(name)),
  createCodeTool('TypeORM', ({ timestamp }) => timestamp ?? null),
  createCodeTool('Sequelize', ({ name }) => stripExtension(name)),
];
