import type { DatabaseError } from 'pg';
import { type MatchedMessage, matchMessage } from '../../lambda/defects/signatures';

/** As the reader of the log sees it. @throws when no signature has these words */
export function matchedError({ message, code }: DatabaseError): MatchedMessage {
  const matched = matchMessage(message, code!);
  if (matched === null) throw new Error(`No signature has the words: ${message}`);
  return matched;
}
