/** Texts of any length through a transport that limits statements (65,536 characters), rows (64 KB) and answers (1 MiB). */

import { quoteLiteral } from '../sql/quote';
import type { Database, Value } from './database';

/** Doubled quotes and backslashes at worst double it; as UTF-8 it is 60 KB at worst. */
const PIECE = 15_000;
/** In one answer, which may have 1 MiB. */
const PIECES = 16;

export interface LongText {
  /** Come before the statement that has the expression, in its transaction. */
  readonly statements: readonly string[];
  /** SQL that gives the text. */
  readonly expression: string;
}

const WHOLE = "pg_catalog.current_setting('trueup.text')";

/** A literal where the text is short; else it is put together in a setting that ends with the transaction. */
export function longText(text: string): LongText {
  if (text.length <= PIECE) return { statements: [], expression: quoteLiteral(text) };
  const statements: string[] = [];
  for (let at = 0; at < text.length; ) {
    let end = Math.min(at + PIECE, text.length);
    // A character outside the basic plane is two units, which stay together.
    if (/[\ud800-\udbff]/.test(text[end - 1]!)) end--;
    const before = at === 0 ? '' : `${WHOLE} OPERATOR(pg_catalog.||) `;
    const piece = quoteLiteral(text.slice(at, end));
    statements.push(
      `SELECT pg_catalog.length(pg_catalog.set_config('trueup.text', ${before}${piece}, true))`,
    );
    at = end;
  }
  return { statements, expression: WHOLE };
}

/**
 * Over the Data API in pieces, and begun anew when the text changed in between.
 * @param sql gives one text, or no row. Null when there is none
 */
export async function readLongText(
  db: Database,
  sql: string,
  params: readonly Value[],
): Promise<string | null> {
  if (db.capabilities.transport === 'pg') {
    const rows = await db.query<{ d: string }>(`SELECT d FROM (${sql}) AS t (d)`, params);
    return rows[0]?.d ?? null;
  }
  for (let text = '', from = 1, hash: string | undefined; ; from += PIECE * PIECES) {
    const rows = await db.query<{ piece: string; hash: string; length: number }>(
      `WITH t (d) AS MATERIALIZED (${sql}), whole AS MATERIALIZED (SELECT d, pg_catalog.md5(d) AS hash, pg_catalog.length(d) AS length FROM t)
SELECT pg_catalog.substr(d, n, ${PIECE}) AS piece, hash, length
FROM whole, pg_catalog.generate_series(${from}, least(length, ${from + PIECE * PIECES - 1}), ${PIECE}) AS n ORDER BY n`,
      params,
    );
    if (hash !== undefined && rows[0]?.hash !== hash) return readLongText(db, sql, params);
    if (!rows[0]) return null;
    text += rows.map(({ piece }) => piece).join('');
    if (from + PIECE * PIECES > rows[0].length) return text;
    hash = rows[0].hash;
  }
}
