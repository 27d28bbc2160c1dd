/**
 * The statement of a dump that is currently being read: the text kept so far, and the state that tells where it ends.
 */
import type { DumpItem } from './item';

export const MAX_DUMP_STATEMENT_LENGTH = 4_000_000;
/** Number of characters kept of a statement with rows, enough for the name of its table. */
const MAX_HEAD_LENGTH = 4_000;

export interface UnfinishedStatement {
  readonly line: number;
  text: string;
  /** Length of the statement, including text that was not kept. */
  size: number;
  /** First words of the statement, in lower case. */
  readonly words: string[];
  brackets: number;
  /** Number of open blocks: BEGIN ATOMIC … END, and CASE … END inside it. */
  blocks: number;
  /** Whether VALUES of an INSERT was read. */
  values: boolean;
  rows: number;
}

export const createUnfinishedStatement = (line: number): UnfinishedStatement => ({
  line,
  text: '',
  size: 0,
  words: [],
  brackets: 0,
  blocks: 0,
  values: false,
  rows: 0,
});

export function addWord(statement: UnfinishedStatement, word: string): void {
  if (statement.words.length < 4) statement.words.push(word);
  if (statement.words[0] === 'insert' && word === 'values' && statement.brackets === 0)
    statement.values = true;
  if (
    !/^create (or replace )?(function|procedure)\b/.test(statement.words.join(' ')) ||
    statement.brackets > 0
  )
    return;
  if (word === 'begin' || (word === 'case' && statement.blocks > 0)) statement.blocks++;
  else if (word === 'end' && statement.blocks > 0) statement.blocks--;
}

export function addText(statement: UnfinishedStatement, text: string, from: number, to: number): void {
  statement.size += to - from;
  const most = statement.words[0] === 'insert' ? MAX_HEAD_LENGTH : MAX_DUMP_STATEMENT_LENGTH;
  if (statement.text.length < most)
    statement.text += text.slice(from, Math.min(to, from + most - statement.text.length));
}

export const beginsRows = ({ words, text }: UnfinishedStatement): boolean =>
  words[0] === 'copy' && /\bfrom\s+stdin\b/i.test(text);

export function finishStatement({ line, text, size, words, rows }: UnfinishedStatement): DumpItem {
  if (words[0] === 'insert') return { kind: 'rows', line, text: text.slice(0, MAX_HEAD_LENGTH), rows };
  if (size > MAX_DUMP_STATEMENT_LENGTH)
    return { kind: 'too long', line, text: text.slice(0, MAX_HEAD_LENGTH) };
  return { kind: 'statement', line, text: text.replace(/;\s*$/, '') };
}
