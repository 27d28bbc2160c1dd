/** Which of the server's messages name objects only, and which may quote row data. Pure. */
import type { SqlError } from './database';
import { SERVER_MESSAGES } from './server-messages';

/**
 * Classes whose primary messages name objects, never values (https://www.postgresql.org/docs/current/errcodes-appendix.html).
 * Class 22 quotes the offending value ("invalid input syntax for type uuid: …"), P0001 whatever somebody's code raised.
 */
const NAMES_OBJECTS_ONLY = /^(03|08|0A|21|25|26|28|2B|34|3B|3D|3F|40|42|44|53|54|55|57|58)/;

/** Errors that somebody's code raises under a code of the server's own, where the server has few words for it. */
const OWN_WORDS: readonly (readonly [sqlstate: RegExp, words: RegExp])[] = [
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

/** Words about a text that the server was to read: a name, a tsvector or a jsonpath, which may be a row's value. */
const ABOUT_A_VALUE = /: *"|too many dotted names|\bts(vector|query)\b|\bjsonpath\b|@/;
const LIKE_A_NAME = /^[\p{L}\p{N}_$. -]{1,127}$|^[^\p{L}\p{N}]{1,3}$/u;

/** Where procedural languages report what somebody's code raises, whatever code it gives. */
const RAISED = /^(exec_stmt_raise|PLy_|plperl_|plv8|throw_tcl_error|pltcl_)/;
/** These quote a piece of SQL. Without a position it is not what was sent, but what some function made up. */
const ABOUT_SQL = /^(syntax error at|unterminated) /;

const SLOTS: Readonly<Record<string, string>> = {
  '"%"': '"[^"\\n]{1,127}"',
  // Names without quotes begin with a small letter, and so do types; each character fits one way only.
  '%': '(?:[^\\p{Lu}\\p{N}"\'\\n:;@#]|(?<=[\\p{L}\\p{N}_$(,])[\\p{Lu}\\p{N}]|"[^"\\n]{1,127}")+',
  '@': '[A-Z][A-Z ]*',
  '#': '\\d+',
};

const SERVER_WORDS = new RegExp(
  `^(?:${SERVER_MESSAGES.map((message) =>
    message
      .split(/("%"|[%@#])/)
      .map((part) => SLOTS[part] ?? part.replace(/[$()*+./?[\\\]^{|}]/g, '\\$&'))
      .join(''),
  ).join('|')})$`,
  'u',
);

/** Worded as the server does. */
const isServerMessage = (message: string): boolean => SERVER_WORDS.test(message);

export const WITHHELD = 'the server refused it; its words are withheld here because they may quote row data';

/**
 * The server's primary message, or a sentence in its place where it could quote row data.
 * @param origin the error itself: it knows where the server reported it, and about which place of what was sent
 */
export function safeServerMessage(
  sqlstate: string | undefined,
  message: string,
  origin?: Pick<SqlError, 'routine' | 'position'>,
): string {
  if (sqlstate !== undefined && isSafe(sqlstate, message, origin)) return message;
  return WITHHELD;
}

function isSafe(
  sqlstate: string,
  message: string,
  origin: Pick<SqlError, 'routine' | 'position'> | undefined,
): boolean {
  if (sqlstate.startsWith('TU')) return true;
  if (RAISED.test(origin?.routine ?? '')) return false;
  if (origin && origin.position === undefined && ABOUT_SQL.test(message)) return false;
  const own = OWN_WORDS.find(([code]) => code.test(sqlstate));
  if (own) return own[1].test(message);
  if (!NAMES_OBJECTS_ONLY.test(sqlstate) || ABOUT_A_VALUE.test(message)) return false;
  if (![...message.matchAll(/"([^"]*)"/g)].every(([, words]) => LIKE_A_NAME.test(words!))) return false;
  // Without its place, what somebody's code raised under a code of the server's looks like the server's.
  return origin?.routine !== undefined || isServerMessage(message);
}

/** Somebody's code raised it: a function, a trigger, an event trigger. Over the Data API only the code tells. */
export const isRaised = ({ sqlstate, routine = '' }: Pick<SqlError, 'sqlstate' | 'routine'>): boolean =>
  sqlstate === 'P0001' || RAISED.test(routine);
