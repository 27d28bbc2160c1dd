/**
 * Error messages as PostgreSQL 12 to 18 log them, taken from real servers (test/data/postgres-logs). Patterns match
 * what all versions share. What a later version added (`of relation "t"` since 13) is optional.
 */
import type { LoggedMessage, LogSignature } from '../defect';
import { DUPLICATE_KEY } from './duplicate-key';
import { KEY_TYPES } from './key-types';
import { NOT_NULL } from './not-null';
import { ON_CONFLICT } from './on-conflict';
import { UUID_FUNCTION } from './uuid-function';

/** Signatures in the order of the documentation. Their diagnoses are a record over the same ids (diagnose.ts). */
const SIGNATURES_BY_ID = {
  'not-null': NOT_NULL,
  'on-conflict': ON_CONFLICT,
  'uuid-function': UUID_FUNCTION,
  'key-types': KEY_TYPES,
  'duplicate-key': DUPLICATE_KEY,
} satisfies Readonly<Record<string, LogSignature>>;

export type SignatureId = keyof typeof SIGNATURES_BY_ID;

export const SIGNATURES: readonly LogSignature[] = Object.values(SIGNATURES_BY_ID);

/** Whether this version knows the id, which may come from another version. */
export const isSignatureId = (id: string): id is SignatureId => Object.hasOwn(SIGNATURES_BY_ID, id);

export const findSignature = (id: string): LogSignature | null =>
  isSignatureId(id) ? SIGNATURES_BY_ID[id] : null;

export interface MatchedMessage {
  readonly signature: LogSignature;
  readonly message: LoggedMessage;
  /** Message without ` at character N`. */
  readonly text: string;
  readonly names: Readonly<Record<string, string>>;
}

/**
 * Returns the signature that matches a message.
 * @param text a complete primary message
 * @param sqlstate null if the log does not contain it; the text alone then decides, so a user's RAISE EXCEPTION with
 *   the same text matches too
 */
export function matchMessage(text: string, sqlstate: string | null): MatchedMessage | null {
  const whole = text.replace(/ at character \d+$/, '');
  for (const signature of SIGNATURES) {
    for (const message of signature.messages) {
      if (sqlstate !== null && sqlstate !== message.sqlstate) continue;
      if (!whole.startsWith(message.begins)) continue;
      const groups = message.pattern.exec(whole)?.groups;
      const names = Object.fromEntries(Object.entries(groups ?? {}).filter(([, name]) => name !== undefined));
      if (message.pattern.test(whole) && Object.values(names).every(isPossibleName))
        return { signature, message, text: whole, names };
    }
  }
  return null;
}

/**
 * Whether a text can be a name in PostgreSQL, which has at most 63 bytes (NAMEDATALEN). Longer text was quoted for
 * another reason.
 */
const isPossibleName = (name: string): boolean => Buffer.byteLength(name) <= 63;

/**
 * Returns a pattern for a message inside another text, such as a line of an application's log. A name ends at the first
 * quote, so that it cannot extend from one occurrence to the next.
 */
export const buildWithinTextPattern = ({ pattern }: LoggedMessage): RegExp =>
  new RegExp(
    pattern.source
      .replace(/^\^/, '')
      .replace(/\$$/, '(?![\\w])')
      .replaceAll('.+?', '[^"\\n]+')
      .replaceAll('.+', '[^"\\n]+'),
    'g',
  );
