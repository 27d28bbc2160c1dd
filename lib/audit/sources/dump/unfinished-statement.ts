/** The statement of a dump that is being read: what is kept of it, and what tells where it ends. */
import type { Item } from './item';

export const LONGEST_STATEMENT = 4_000_000;
/** Of a statement with rows: as much as names its table. */
const HEAD = 4_000;

export interface UnfinishedStatement {
  readonly line: number;
  text: string;
  /** With what was not kept. */
  size: number;
  /** Its first words, in lower case. */
  readonly words: string[];
  brackets: number;
  /** BEGIN ATOMIC … END, and CASE … END in it. */
  blocks: number;
  /** Of an INSERT, after VALUES. */
  values: boolean;
  rows: number;
}

export const noStatement = (line: number): UnfinishedStatement => ({
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
  const most = statement.words[0] === 'insert' ? HEAD : LONGEST_STATEMENT;
  if (statement.text.length < most)
    statement.text += text.slice(from, Math.min(to, from + most - statement.text.length));
}

export const beginsRows = ({ words, text }: UnfinishedStatement): boolean =>
  words[0] === 'copy' && /\bfrom\s+stdin\b/i.test(text);

export function finished({ line, text, size, words, rows }: UnfinishedStatement): Item {
  if (words[0] === 'insert') return { kind: 'rows', line, text: text.slice(0, HEAD), rows };
  if (size > LONGEST_STATEMENT) return { kind: 'too long', line, text: text.slice(0, HEAD) };
  return { kind: 'statement', line, text: text.replace(/;\s*$/, '') };
}
