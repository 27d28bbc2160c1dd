/** The SQL of an entry, cut into statements where PostgreSQL's parser can read it. The parser must be ready. */
import { outlineOf } from '../compiler/read/outline';
import { isReady } from '../compiler/read/parser';
import { Source } from '../compiler/read/source';
import { type ParsedStatement, readStatements } from '../compiler/read/statements';
import { as } from '../compiler/read/tree';

/** Null where it cannot be read. */
export function statementsOf(file: string, sql: string): readonly ParsedStatement[] | null {
  const source = new Source(file, sql);
  const outline = outlineOf(sql);
  if (outline.metaCommands.length > 0) return null;
  const statements = readStatements(source, outline, { marker: 0, parts: [{ start: 0, end: sql.length }] });
  return source.problems.length > 0 || !isReady() ? null : statements;
}

export const transactionKind = ({ node }: ParsedStatement): string | undefined =>
  as(node, 'TransactionStmt')?.kind;

export const lineOf = (sql: string, at: number): number => sql.slice(0, at).split('\n').length;

/**
 * Without a BEGIN and a COMMIT around all of it: the file is one transaction anyway. Unchanged where they stand elsewhere,
 * or say more.
 */
export function withoutOuterTransaction(
  file: string,
  sql: string,
): { readonly sql: string; readonly removed: boolean } {
  const unchanged = { sql, removed: false };
  const statements = statementsOf(file, sql);
  if (statements === null || statements.length < 2) return unchanged;
  const kinds = statements.map(transactionKind);
  const [first, last] = [statements[0]!, statements.at(-1)!];
  const options = as(first.node, 'TransactionStmt')?.options ?? [];
  const opens = /^TRANS_STMT_(BEGIN|START)$/.test(kinds[0] ?? '') && options.length === 0;
  const closes = kinds.at(-1) === 'TRANS_STMT_COMMIT' && !as(last.node, 'TransactionStmt')?.chain;
  if (!opens || !closes || kinds.slice(1, -1).some((kind) => kind !== undefined)) return unchanged;
  const cut = (text: string, { start, end }: ParsedStatement): string =>
    text.slice(0, start) + text.slice(end).replace(/^\s*;/, '');
  return { sql: cut(cut(sql, last), first).trim(), removed: true };
}
