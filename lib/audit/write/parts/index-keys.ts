/** The keys of an index, read from its definition. */
import type { Index } from '../../../../lambda/audit/catalogue/indexes';

/** The keys as CREATE INDEX takes them, one each: `lower(email)`, `id DESC`. */
export function keysOf(index: Index): string[] {
  const [keys] = parenthesized(index.definition, `USING ${index.method} `);
  return split(keys);
}

/** The text inside of the brackets that open behind `head`, and where it ends. */
function parenthesized(text: string, head: string): [inside: string, end: number] {
  const from = text.indexOf(`${head}(`) + head.length + 1;
  let depth = 1;
  for (let at = from; at < text.length; at++) {
    at = pastQuotes(text, at);
    if (text[at] === '(') depth++;
    if (text[at] === ')' && --depth === 0) return [text.slice(from, at), at + 1];
  }
  return ['', text.length];
}

/** Where a quoted part that begins at `at` has its last character. */
function pastQuotes(text: string, at: number): number {
  const quote = text[at];
  if (quote !== '"' && quote !== "'") return at;
  let end = at + 1;
  while (end < text.length && (text[end] !== quote || text[end + 1] === quote))
    end += text[end] === quote ? 2 : 1;
  return end;
}

function split(list: string): string[] {
  const parts: string[] = [];
  let [from, depth] = [0, 0];
  for (let at = 0; at < list.length; at++) {
    at = pastQuotes(list, at);
    if (list[at] === '(' || list[at] === '[') depth++;
    if (list[at] === ')' || list[at] === ']') depth--;
    if (list[at] === ',' && depth === 0) {
      parts.push(list.slice(from, at).trim());
      from = at + 1;
    }
  }
  return [...parts, list.slice(from).trim()];
}
