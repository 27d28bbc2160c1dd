/** Several transactions as one message of the simple protocol, and which of its statements an error is about. Pure. */

import { quoteIdentifier, quoteLiteral } from '../sql/quote';
import { SqlError, type Transaction } from './database';

export interface Message {
  readonly text: string;
  readonly parts: readonly {
    /** Index of the transaction's BEGIN among all commands of the message. */
    readonly first: number;
    readonly statements: readonly { readonly sql: string; readonly offset: number }[];
  }[];
}

/** One simple-protocol message. A statement may end in a line comment, so each semicolon has a line of its own. */
export function joinTransactions(
  transactions: readonly Transaction[],
  always: Readonly<Record<string, string>> = {},
): Message {
  let text = '';
  let first = 0;
  const parts = transactions.map((transaction) => {
    const settings = setLocal({ ...always, ...transaction.settings });
    text += ['BEGIN', ...settings, ''].join(';\n');
    first += settings.length;
    const statements = transaction.statements.map((sql) => {
      const offset = text.length;
      text += `${sql}\n;\n`;
      return { sql, offset };
    });
    text += 'COMMIT;\n';
    const part = { first, statements };
    first += statements.length + 2;
    return part;
  });
  return { text, parts };
}

/** Utility statements: nothing to plan, unlike SELECT set_config(). */
export const setLocal = (settings: Readonly<Record<string, string>>): string[] =>
  Object.entries(settings).map(
    ([name, value]) => `SET LOCAL ${quoteIdentifier(name)} = ${settingValue(name, value)}`,
  );

/**
 * SET takes one literal for one name of the list, where set_config() splits it: `'a, b'` would be one schema.
 * https://www.postgresql.org/docs/current/sql-set.html
 */
function settingValue(name: string, value: string): string {
  if (name !== 'search_path') return quoteLiteral(value);
  const schemas = value.match(/"(?:[^"]|"")*"|[^\s,"]+/g) ?? [''];
  return schemas
    .map((schema) =>
      schema.startsWith('"') ? schema.slice(1, -1).replaceAll('""', '"') : schema.toLowerCase(),
    )
    .map(quoteLiteral)
    .join(', ');
}

/** Which statement failed: by the error's position in the message, else by the number of commands that completed. */
export function locate(error: SqlError, message: Message, completed: number): SqlError {
  const at = error.position === undefined ? undefined : utf16Offset(message.text, error.position);
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
    // BEGIN or COMMIT itself: a deferred constraint fails there. It belongs to the last statement.
    if (at === undefined && completed <= part.first + 1 + part.statements.length) {
      return Object.assign(error, { transaction, statement: Math.max(0, part.statements.length - 1) });
    }
  }
  return error;
}

/** PostgreSQL counts characters, JavaScript UTF-16 units. */
function utf16Offset(text: string, characters: number): number {
  let units = 0;
  for (const character of text) {
    if (characters-- === 0) break;
    units += character.length;
  }
  return units;
}
