/**
 * The words that PostgreSQL 12 to 18 logs, taken from real servers (test/data/postgres-logs). What is the same in all of
 * them is matched; what one major added (`of relation "t"`, from 13 on) is optional.
 */
import type { LoggedMessage, LogSignature } from './defect';

/** 23502, but not `column "x" of relation "t" contains null values` (SET NOT NULL) nor `domain d does not allow …`. */
export const NOT_NULL: LogSignature = {
  id: 'not-null',
  title: 'Not-null violation',
  messages: [
    {
      sqlstate: '23502',
      begins: 'null value in column ',
      holds: ['violates not-null constraint'],
      lacks: [],
      pattern:
        /^null value in column "(?<column>[^\n]+?)"(?: of relation "(?<table>[^\n]+)")? violates not-null constraint$/,
    },
  ],
};

/** 42P10, but not `for SELECT DISTINCT, ORDER BY expressions must appear in select list`. */
export const ON_CONFLICT: LogSignature = {
  id: 'on-conflict',
  title: 'ON CONFLICT without a matching index',
  messages: [
    {
      sqlstate: '42P10',
      begins: 'there is no unique or exclusion constraint matching the ON CONFLICT specification',
      holds: [],
      lacks: [],
      pattern: /^there is no unique or exclusion constraint matching the ON CONFLICT specification$/,
    },
  ],
};

const noFunction = (name: string, pattern: RegExp): LoggedMessage => ({
  sqlstate: '42883',
  begins: 'function ',
  holds: [name, ' does not exist'],
  lacks: [],
  pattern,
});

export const UUID_FUNCTION: LogSignature = {
  id: 'uuid-function',
  title: 'Missing UUID function',
  messages: [
    noFunction('gen_random_uuid()', /^function (?:\S+\.)?(?<function>gen_random_uuid)\(\) does not exist$/),
    noFunction(
      'uuid_generate_v',
      /^function (?:\S+\.)?(?<function>uuid_generate_v(?:1mc|\d))\([\w ,]*\) does not exist$/,
    ),
    // Built in from PostgreSQL 18 on.
    noFunction('uuidv', /^function (?:\S+\.)?(?<function>uuidv[47])\([\w ,]*\) does not exist$/),
  ],
};

/** As format_type() writes it, without length. */
const TYPE =
  '(?:character varying|bit varying|double precision|time(?:stamp)? with(?:out)? time zone|' +
  '"?[A-Za-z_][\\w$]*"?(?:\\."?[A-Za-z_][\\w$]*"?)?)(?:\\[\\])?';

export const KEY_TYPES: LogSignature = {
  id: 'key-types',
  title: 'Keys of different types',
  messages: [
    {
      sqlstate: '42883',
      begins: 'operator does not exist: uuid = ',
      holds: [],
      lacks: [],
      pattern: new RegExp(`^operator does not exist: (?<left>uuid) = (?<right>${TYPE})$`),
    },
    {
      sqlstate: '42883',
      begins: 'operator does not exist: ',
      holds: [' = uuid'],
      lacks: ['not exist: uuid = '],
      pattern: new RegExp(`^operator does not exist: (?<left>${TYPE}) = (?<right>uuid)$`),
    },
    {
      sqlstate: '42804',
      begins: 'foreign key constraint ',
      holds: [' cannot be implemented'],
      lacks: [],
      pattern: /^foreign key constraint "(?<constraint>[^\n]+)" cannot be implemented$/,
    },
    {
      sqlstate: '42804',
      begins: 'column ',
      holds: [' is of type uuid but expression is of type '],
      lacks: [],
      pattern: new RegExp(
        `^column "(?<column>[^\\n]+)" is of type (?<left>uuid) but expression is of type (?<right>${TYPE})$`,
      ),
    },
  ],
};

export const SIGNATURES: readonly LogSignature[] = [NOT_NULL, ON_CONFLICT, UUID_FUNCTION, KEY_TYPES];

export interface MatchedMessage {
  readonly signature: LogSignature;
  readonly message: LoggedMessage;
  /** The message, without ` at character N`. */
  readonly text: string;
  readonly names: Readonly<Record<string, string>>;
}

/**
 * @param text a primary message, whole
 * @param sqlstate null where the log does not say it: then the words alone decide, and somebody's RAISE EXCEPTION with
 *   the very same words counts as well
 */
export function matchMessage(text: string, sqlstate: string | null): MatchedMessage | null {
  const whole = text.replace(/ at character \d+$/, '');
  for (const signature of SIGNATURES) {
    for (const message of signature.messages) {
      if (sqlstate !== null && sqlstate !== message.sqlstate) continue;
      if (!whole.startsWith(message.begins)) continue;
      const groups = message.pattern.exec(whole)?.groups;
      const names = Object.fromEntries(Object.entries(groups ?? {}).filter(([, name]) => name !== undefined));
      if (message.pattern.test(whole) && Object.values(names).every(couldBeName))
        return { signature, message, text: whole, names };
    }
  }
  return null;
}

/** A name of PostgreSQL's is at most 63 bytes (NAMEDATALEN). Longer text is not a name, but something else that was quoted. */
const couldBeName = (name: string): boolean =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a name with control characters is not shown to anybody
  Buffer.byteLength(name) <= 63 && !/[\x00-\x1f\x7f]/.test(name);

export const signatureOf = (id: string): LogSignature | null =>
  SIGNATURES.find((signature) => signature.id === id) ?? null;
