/**
 * Joins several transactions into one message of the simple query protocol, and finds the statement that an error
 * belongs to. Pure.
 */

import { quoteIdentifier, quoteLiteral } from '../sql/quote';
import { SqlError, type Transaction } from './database';

export interface SimpleQueryMessage {
  readonly text: string;
  readonly parts: readonly {
    /** Index of the transaction's BEGIN among all commands of the message. */
    readonly first: number;
    readonly statements: readonly { readonly sql: string; readonly offset: number }[];
  }[];
}

/**
 * Builds one message of the simple query protocol. A statement may end in a line comment, so each semicolon is on a
 * separate line.
 * @param readOnly makes each transaction read-only and rolls it back: COMMIT would deliver a NOTIFY and keep settings
 * that a function made for the session
 */
export function joinTransactions(
  transactions: readonly Transaction[],
  always: Readonly<Record<string, string>> = {},
  readOnly = false,
): SimpleQueryMessage {
  let text = '';
  let first = 0;
  const parts = transactions.map((transaction) => {
    const settings = buildSetLocalSql({ ...always, ...transaction.settings });
    text += [readOnly ? 'BEGIN READ ONLY' : 'BEGIN', ...settings, ''].join(';\n');
    first += settings.length;
    const statements = transaction.statements.map((sql) => {
      const offset = text.length;
      text += `${sql}\n;\n`;
      return { sql, offset };
    });
    text += readOnly ? 'ROLLBACK;\n' : 'COMMIT;\n';
    const part = { first, statements };
    first += statements.length + 2;
    return part;
  });
  return { text, parts };
}

/** Builds SET LOCAL statements. As utility statements they are not planned, unlike SELECT set_config(). */
export const buildSetLocalSql = (settings: Readonly<Record<string, string>>): string[] =>
  Object.entries(settings).map(
    ([name, value]) => `SET LOCAL ${quoteIdentifier(name)} = ${quoteSettingValue(name, value)}`,
  );

/**
 * Quotes the value of a setting. SET treats each literal as one name in the list, whereas set_config() splits it, so
 * `'a, b'` would be a single schema (https://www.postgresql.org/docs/current/sql-set.html).
 */
function quoteSettingValue(name: string, value: string): string {
  if (name !== 'search_path') return quoteLiteral(value);
  const schemas = value.match(/"(?:[^"]|"")*"|[^\s,"]+/g) ?? [''];
  return schemas
    .map((schema) =>
      schema.startsWith('"') ? schema.slice(1, -1).replaceAll('""', '"') : schema.toLowerCase(),
    )
    .map(quoteLiteral)
    .join(', ');
}

/**
 * Finds the failed statement by the error's position in the message or, without a position, by the number of completed
 * commands.
 */
export function locateFailedStatement(
  error: SqlError,
  message: SimpleQueryMessage,
  completed: number,
): SqlError {
  const at = error.position === undefined ? undefined : toUtf16Offset(message.text, error.position);
  for (const [transaction, part] of message.parts.entries()) {
    for (const [statement, { sql, offset }] of part.statements.entries()) {
      const here =
        at === undefined
          ? part.first + 1 + statement === completed
          : at >= offset && at < offset + sql.length + 2;
      if (!here) continue;
      const position = at === undefined ? undefined : [...message.text.slice(offset, at)].length;
      return Object.assign(new SqlError(error.message, error.sqlstate, position, error.routine), {
        transaction,
        statement,
      });
    }
    // BEGIN or COMMIT failed, for example because of a deferred constraint. The error is assigned to the last
    // statement.
    if (at === undefined && completed <= part.first + 1 + part.statements.length) {
      return Object.assign(error, { transaction, statement: Math.max(0, part.statements.length - 1) });
    }
  }
  return error;
}

/** Converts an offset in characters, which PostgreSQL counts, to one in UTF-16 units. */
function toUtf16Offset(text: string, characters: number): number {
  let units = 0;
  for (const character of text) {
    if (characters-- === 0) break;
    units += character.length;
  }
  return units;
}
