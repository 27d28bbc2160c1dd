/** Errors in an application's own log: text in whatever form, or JSON with the SQLSTATE in a field. */
import { matchMessage, SIGNATURES, withinText } from '../../defects/signatures';
import type { LogEvent, ReadError } from './error-reader';

export type ApplicationFormat =
  | { readonly format: 'text' }
  | {
      readonly format: 'json';
      /** Where the SQLSTATE is, e.g. `$.err.code`. */
      readonly sqlstate: string;
      /** Where the server's message is, e.g. `$.err.message`. */
      readonly message: string;
    };

export function readApplicationEvent(event: LogEvent, format: ApplicationFormat): ReadError | null {
  const found = format.format === 'text' ? inText(event.message, null) : inJson(event.message, format);
  if (found === null) return null;
  return {
    ...found,
    logGroup: event.logGroup ?? '',
    database: '',
    user: '',
    statement: null,
    timeMs: event.timestampMs ?? 0,
    zone: null,
    ingestedMs: event.ingestedMs ?? event.timestampMs ?? 0,
  };
}

type Found = Pick<ReadError, 'signature' | 'sqlstate' | 'message' | 'names'>;

/**
 * The first mention counts. Drivers put words before and after the message; loggers escape its quotes, once for each
 * document that is put into another.
 */
function inText(text: string, sqlstate: string | null): Found | null {
  const plain = text.replace(/\\+"/g, '"');
  for (const message of MESSAGES) {
    if (!plain.includes(message.begins)) continue;
    for (const [mention] of plain.matchAll(withinText(message))) {
      const matched = matchMessage(mention, sqlstate);
      if (matched === null) continue;
      return {
        signature: matched.signature.id,
        sqlstate: matched.message.sqlstate,
        message: matched.text,
        names: matched.names,
      };
    }
  }
  return null;
}

const MESSAGES = SIGNATURES.flatMap(({ messages }) => messages);

function inJson(text: string, fields: { readonly sqlstate: string; readonly message: string }): Found | null {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return null;
  }
  const sqlstate = select(document, fields.sqlstate);
  const message = select(document, fields.message);
  if (typeof sqlstate !== 'string' || typeof message !== 'string') return null;
  return inText(message, sqlstate);
}

/** A property selector of a filter pattern: `$.err.code`, `$.errors[0].code`, `$.['db.code']`. */
function select(document: unknown, selector: string): unknown {
  let value = document;
  for (const [, name, index, quoted] of selector
    .slice(1)
    .matchAll(/\.?(?:([\w-]+)|\[(\d+)\]|\['([^']+)'\])/g)) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<string, unknown>)[name ?? index ?? quoted!];
  }
  return value;
}
