/**
 * Passes texts of any length through a transport that limits statements (65,536 characters), rows (64 KB) and responses
 * (1 MiB).
 */

import { quoteLiteral } from '../sql/quote';
import type { Queryable, Value } from './database';

/** Characters per piece. Quoting at most doubles it, and in UTF-8 it is at most 60 KB. */
const PIECE_LENGTH = 15_000;
/** Pieces per response, which is limited to 1 MiB. */
const MAX_PIECES = 16;

export interface LongTextExpression {
  /** Statements that must run before the one with the expression, in the same transaction. */
  readonly statements: readonly string[];
  /** SQL expression that returns the text. */
  readonly expression: string;
}

const WHOLE_TEXT_SQL = "pg_catalog.current_setting('trueup.text')";

/** Returns a literal for a short text. A longer one is assembled in a setting that ends with the transaction. */
export function buildLongText(text: string): LongTextExpression {
  if (text.length <= PIECE_LENGTH) return { statements: [], expression: quoteLiteral(text) };
  const statements: string[] = [];
  for (let at = 0; at < text.length; ) {
    let end = Math.min(at + PIECE_LENGTH, text.length);
    // A character outside the Basic Multilingual Plane is a surrogate pair, which must not be split.
    if (/[\ud800-\udbff]/.test(text[end - 1]!)) end--;
    const before = at === 0 ? '' : `${WHOLE_TEXT_SQL} OPERATOR(pg_catalog.||) `;
    const piece = quoteLiteral(text.slice(at, end));
    statements.push(
      `SELECT pg_catalog.length(pg_catalog.set_config('trueup.text', ${before}${piece}, true))`,
    );
    at = end;
  }
  return { statements, expression: WHOLE_TEXT_SQL };
}

/**
 * Reads a long text. Over the Data API it is read in pieces, starting over if the text changes in between.
 * @param sql a query that returns one text or no row. Without a row the result is null
 */
export async function readLongText(
  db: Queryable,
  sql: string,
  params: readonly Value[],
): Promise<string | null> {
  if (db.capabilities.transport === 'pg') {
    const rows = await db.query<{ d: string }>(`SELECT d FROM (${sql}) AS t (d)`, params);
    return rows[0]?.d ?? null;
  }
  for (let text = '', from = 1, hash: string | undefined; ; from += PIECE_LENGTH * MAX_PIECES) {
    const rows = await db.query<{ piece: string; hash: string; length: number }>(
      `WITH t (d) AS MATERIALIZED (${sql}), whole AS MATERIALIZED (SELECT d, pg_catalog.md5(d) AS hash, pg_catalog.length(d) AS length FROM t)
SELECT pg_catalog.substr(d, n, ${PIECE_LENGTH}) AS piece, hash, length
FROM whole, pg_catalog.generate_series(${from}, least(length, ${from + PIECE_LENGTH * MAX_PIECES - 1}), ${PIECE_LENGTH}) AS n ORDER BY n`,
      params,
    );
    if (hash !== undefined && rows[0]?.hash !== hash) return readLongText(db, sql, params);
    if (!rows[0]) return null;
    text += rows.map(({ piece }) => piece).join('');
    if (from + PIECE_LENGTH * MAX_PIECES > rows[0].length) return text;
    hash = rows[0].hash;
  }
}
