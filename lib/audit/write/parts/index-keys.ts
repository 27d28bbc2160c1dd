/** Reads the keys of an index from its definition. */
import type { Index } from '../../../../lambda/audit/catalog/indexes';

/** Returns each key as written in CREATE INDEX: `lower(email)`, `id DESC`. */
export function parseIndexKeys(index: Index): string[] {
  const [keys] = readBrackets(index.definition, `USING ${index.method} `);
  return splitAtCommas(keys);
}

/** Returns the text in the parentheses after `head`, and the position of its end. */
function readBrackets(text: string, head: string): [inside: string, end: number] {
  const from = text.indexOf(`${head}(`) + head.length + 1;
  let depth = 1;
  for (let at = from; at < text.length; at++) {
    at = skipQuotes(text, at);
    if (text[at] === '(') depth++;
    if (text[at] === ')' && --depth === 0) return [text.slice(from, at), at + 1];
  }
  return ['', text.length];
}

/** Returns the position of the last character of the quoted part that begins at `at`. */
function skipQuotes(text: string, at: number): number {
  const quote = text[at];
  if (quote !== '"' && quote !== "'") return at;
  let end = at + 1;
  while (end < text.length && (text[end] !== quote || text[end + 1] === quote))
    end += text[end] === quote ? 2 : 1;
  return end;
}

function splitAtCommas(list: string): string[] {
  const parts: string[] = [];
  let [from, depth] = [0, 0];
  for (let at = 0; at < list.length; at++) {
    at = skipQuotes(list, at);
    if (list[at] === '(' || list[at] === '[') depth++;
    if (list[at] === ')' || list[at] === ']') depth--;
    if (list[at] === ',' && depth === 0) {
      parts.push(list.slice(from, at).trim());
      from = at + 1;
    }
  }
  return [...parts, list.slice(from).trim()];
}
