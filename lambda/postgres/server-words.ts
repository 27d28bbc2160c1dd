/** Decides which messages of the server only name objects, and which may quote row data. Pure. */
import type { SqlError } from './database';
import { SERVER_MESSAGES } from './server-messages';

/**
 * Error classes whose primary messages name objects and never values
 * (https://www.postgresql.org/docs/current/errcodes-appendix.html). Class 22 quotes the offending value ("invalid input
 * syntax for type uuid: …"), and P0001 is any text raised by user code.
 */
const NAMES_OBJECTS_ONLY = /^(03|08|0A|21|25|26|28|2B|34|3B|3D|3F|40|42|44|53|54|55|57|58)/;

/**
 * The server's own messages for errors that user code may raise too. The server has few messages for these SQLSTATEs.
 */
const IMITATED_MESSAGES: readonly (readonly [sqlstate: RegExp, words: RegExp])[] = [
  [
    /^23/,
    new RegExp(
      [
        'null value in column "[^"]+"( of relation "[^"]+")? violates not-null constraint',
        '(column "[^"]+" of (relation|table) "[^"]+"|column "[^"]+") contains null values',
        '(insert or update|update or delete) on table "[^"]+" violates (RESTRICT setting of )?foreign key constraint "[^"]+"( on table "[^"]+")?',
        'removing partition "[^"]+" violates foreign key constraint "[^"]+"',
        '(duplicate|conflicting) key value violates (unique|exclusion) constraint "[^"]+"',
        'could not create (unique index|exclusion constraint) "[^"]+"',
        'new row for relation "[^"]+" violates (check constraint "[^"]+"|partition constraint)',
        'check constraint "[^"]+" of relation "[^"]+" is violated by some row',
        'value for domain \\S+ violates check constraint "[^"]+"',
        'domain \\S+ does not allow null values',
        'column "[^"]+" of table "[^"]+" contains values that violate the new constraint',
        '(partition constraint of relation "[^"]+"|updated partition constraint for default partition "[^"]+") (is|would be) violated by some row',
        'no partition of relation "[^"]+" found for row',
      ]
        .map((words) => `^${words}$`)
        .join('|'),
    ),
  ],
];

/**
 * Messages about text that the server had to parse: a name, a tsvector or a jsonpath, which may be a value from a row.
 */
const QUOTES_VALUE = /: *"|too many dotted names|\bts(vector|query)\b|\bjsonpath\b|@/;
const NAME_PATTERN = /^[\p{L}\p{N}_$. -]{1,127}$|^[^\p{L}\p{N}]{1,3}$/u;

/** Functions in which procedural languages report errors raised by user code, with any SQLSTATE. */
const RAISING_ROUTINES = /^(exec_stmt_raise|PLy_|plperl_|plv8|throw_tcl_error|pltcl_)/;
/** Messages that quote SQL. Without a position, that is not SQL we sent, but SQL that a function generated. */
const QUOTES_SQL = /^(syntax error at|unterminated) /;

const PLACEHOLDER_PATTERNS: Readonly<Record<string, string>> = {
  '"%"': '"[^"\\n]{1,127}"',
  // Unquoted names and types begin with a small letter. Each character matches in one way only, to avoid
  // backtracking.
  '%': '(?:[^\\p{Lu}\\p{N}"\'\\n:;@#]|(?<=[\\p{L}\\p{N}_$(,])[\\p{Lu}\\p{N}]|"[^"\\n]{1,127}")+',
  '@': '[A-Z][A-Z ]*',
  '#': '\\d+',
};

const SERVER_MESSAGE_PATTERN = new RegExp(
  `^(?:${SERVER_MESSAGES.map((message) =>
    message
      .split(/("%"|[%@#])/)
      .map((part) => PLACEHOLDER_PATTERNS[part] ?? part.replace(/[$()*+./?[\\\]^{|}]/g, '\\$&'))
      .join(''),
  ).join('|')})$`,
  'u',
);

/** Whether the message matches one of the server's own. */
const isServerMessage = (message: string): boolean => SERVER_MESSAGE_PATTERN.test(message);

export const WITHHELD_MESSAGE =
  'the server refused it; its message is withheld here because it may quote row data';

/**
 * Returns the server's primary message, or a substitute if it could quote row data.
 * @param origin the error itself, which has the server function that reported it and the position in the SQL we sent
 */
export function safeServerMessage(
  sqlstate: string | undefined,
  message: string,
  origin?: Pick<SqlError, 'routine' | 'position'>,
): string {
  if (sqlstate !== undefined && isSafeMessage(sqlstate, message, origin)) return message;
  return WITHHELD_MESSAGE;
}

function isSafeMessage(
  sqlstate: string,
  message: string,
  origin: Pick<SqlError, 'routine' | 'position'> | undefined,
): boolean {
  if (sqlstate.startsWith('TU')) return true;
  if (RAISING_ROUTINES.test(origin?.routine ?? '')) return false;
  if (origin && origin.position === undefined && QUOTES_SQL.test(message)) return false;
  const own = IMITATED_MESSAGES.find(([code]) => code.test(sqlstate));
  if (own) return own[1].test(message);
  if (!NAMES_OBJECTS_ONLY.test(sqlstate) || QUOTES_VALUE.test(message)) return false;
  if (![...message.matchAll(/"([^"]*)"/g)].every(([, words]) => NAME_PATTERN.test(words!))) return false;
  // Without a routine, an error raised by user code under a SQLSTATE of the server looks like the server's own.
  return origin?.routine !== undefined || isServerMessage(message);
}

/**
 * Whether user code raised the error: a function, a trigger or an event trigger. Over the Data API only the SQLSTATE
 * tells.
 */
export const isRaisedByUserCode = ({
  sqlstate,
  routine = '',
}: Pick<SqlError, 'sqlstate' | 'routine'>): boolean => sqlstate === 'P0001' || RAISING_ROUTINES.test(routine);
