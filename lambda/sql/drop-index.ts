/** Reads the names of the indexes that a DROP INDEX drops. */
import { type SqlToken, tokenizeSql } from './tokens';

/** Returns the names as written, for the server to resolve. null if the text is not a plain DROP INDEX. Pure. */
export function listDroppedIndexes(sql: string): string[] | null {
  const words = [...tokenizeSql(sql)].filter(({ text }) => text !== ';');
  const is = (at: number, text: string): boolean => words[at]?.text.toUpperCase() === text;
  if (!is(0, 'DROP') || !is(1, 'INDEX')) return null;
  let at = 2;
  if (is(at, 'CONCURRENTLY')) at++;
  if (is(at, 'IF') && is(at + 1, 'EXISTS')) at += 2;
  const end = is(words.length - 1, 'RESTRICT') ? words.length - 1 : words.length;
  const names: string[] = [];
  for (let name = ''; at <= end; at++) {
    const token = words[at];
    if (at === end || token?.text === ',') {
      if (name === '') return null;
      names.push(name);
      name = '';
    } else if (token!.text === '.' || (isNameToken(token!) && (name === '' || name.endsWith('.'))))
      name += token!.text;
    else return null;
  }
  return names;
}

const isNameToken = ({ type }: SqlToken): boolean => type === 'word' || type === 'quoted';
