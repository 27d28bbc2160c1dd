/** Which indexes a DROP INDEX names. */
import { type Token, tokens } from './tokens';

/** As written, for the server to read; null where it is not a DROP INDEX that the words alone explain. Pure. */
export function indexesDropped(sql: string): string[] | null {
  const words = [...tokens(sql)].filter(({ text }) => text !== ';');
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
    } else if (token!.text === '.' || (isName(token!) && (name === '' || name.endsWith('.'))))
      name += token!.text;
    else return null;
  }
  return names;
}

const isName = ({ type }: Token): boolean => type === 'word' || type === 'quoted';
