/** Texts of any length through a transport that limits statements (65,536 characters) and rows (64 KB). */
import type { Database, Value } from './database';
import { quoteLiteral } from './quote';

/** Doubled quotes and backslashes at worst double it; as UTF-8 it is 60 KB at worst. */
const PIECE = 15_000;

export interface LongText {
  /** Come before the statement that has the expression, in its transaction. */
  readonly statements: readonly string[];
  /** SQL that gives the text. */
  readonly expression: string;
}

/** A literal where the text is short; else it is put together in a setting that ends with the transaction. */
export function longText(text: string): LongText {
  if (text.length <= PIECE) return { statements: [], expression: quoteLiteral(text) };
  const statements: string[] = [];
  for (let at = 0; at < text.length; ) {
    let end = Math.min(at + PIECE, text.length);
    // A character outside the basic plane is two units, which stay together.
    if (/[\ud800-\udbff]/.test(text[end - 1]!)) end--;
    const before = at === 0 ? '' : "current_setting('trueup.text') || ";
    const piece = quoteLiteral(text.slice(at, end));
    statements.push(`SELECT length(set_config('trueup.text', ${before}${piece}, true))`);
    at = end;
  }
  return { statements, expression: "current_setting('trueup.text')" };
}

/** @param sql gives one text, or no row. Null when there is none */
export async function readLongText(
  db: Database,
  sql: string,
  params: readonly Value[],
): Promise<string | null> {
  if (db.capabilities.transport === 'pg') {
    const rows = await db.query<{ d: string }>(`SELECT d FROM (${sql}) AS t (d)`, params);
    return rows[0]?.d ?? null;
  }
  const rows = await db.query<{ piece: string }>(
    `SELECT substr(d, n, ${PIECE}) AS piece FROM (${sql}) AS t (d), generate_series(1, length(d), ${PIECE}) AS n
ORDER BY n`,
    params,
  );
  return rows.length === 0 ? null : rows.map(({ piece }) => piece).join('');
}
