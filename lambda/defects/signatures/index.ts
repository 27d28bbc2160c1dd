/**
 * The words that PostgreSQL 12 to 18 logs, taken from real servers (test/data/postgres-logs). What is the same in all of
 * them is matched; what one major added (`of relation "t"`, from 13 on) is optional.
 */
import type { LoggedMessage, LogSignature } from '../defect';
import { DUPLICATE_KEY } from './duplicate-key';
import { KEY_TYPES } from './key-types';
import { NOT_NULL } from './not-null';
import { ON_CONFLICT } from './on-conflict';
import { UUID_FUNCTION } from './uuid-function';

/** In the order in which the documentation lists them. What diagnoses them is a record over the same ids (diagnose.ts). */
const BY_ID = {
  'not-null': NOT_NULL,
  'on-conflict': ON_CONFLICT,
  'uuid-function': UUID_FUNCTION,
  'key-types': KEY_TYPES,
  'duplicate-key': DUPLICATE_KEY,
} satisfies Readonly<Record<string, LogSignature>>;

export type SignatureId = keyof typeof BY_ID;

export const SIGNATURES: readonly LogSignature[] = Object.values(BY_ID);

/** Ids also come from other versions of this code. */
export const isSignatureId = (id: string): id is SignatureId => Object.hasOwn(BY_ID, id);

export const signatureOf = (id: string): LogSignature | null => (isSignatureId(id) ? BY_ID[id] : null);

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
const couldBeName = (name: string): boolean => Buffer.byteLength(name) <= 63;

/**
 * Where a message may stand inside other text, and may be followed by more: in an application's log. A name ends at the
 * first quote here, so that it never reaches from one mention to the next.
 */
export const withinText = ({ pattern }: LoggedMessage): RegExp =>
  new RegExp(
    pattern.source
      .replace(/^\^/, '')
      .replace(/\$$/, '(?![\\w])')
      .replaceAll('.+?', '[^"\\n]+')
      .replaceAll('.+', '[^"\\n]+'),
    'g',
  );
