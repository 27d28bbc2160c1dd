/** Reads errors from an application's own log, which may be text in any form, or JSON with the SQLSTATE in a field. */
import { buildWithinTextPattern, matchMessage, SIGNATURES } from '../../defects/signatures';
import type { LogEvent, ReadError } from './error-reader';

export type ApplicationFormat =
  | { readonly format: 'text' }
  | {
      readonly format: 'json';
      /** Selector of the SQLSTATE, e.g. `$.err.code`. */
      readonly sqlstate: string;
      /** Selector of the server's message, e.g. `$.err.message`. */
      readonly message: string;
    };

export function readApplicationEvent(event: LogEvent, format: ApplicationFormat): ReadError | null {
  const found =
    format.format === 'text' ? findErrorInText(event.message, null) : findErrorInJson(event.message, format);
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

type FoundError = Pick<ReadError, 'signature' | 'sqlstate' | 'message' | 'names'>;

/**
 * Finds the first known message in a text. Drivers add words before and after it, and loggers escape its quotes once
 * for each level of nested documents.
 */
function findErrorInText(text: string, sqlstate: string | null): FoundError | null {
  const plain = text.replace(/\\+"/g, '"');
  for (const message of MESSAGES) {
    if (!plain.includes(message.begins)) continue;
    for (const [mention] of plain.matchAll(buildWithinTextPattern(message))) {
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

function findErrorInJson(
  text: string,
  fields: { readonly sqlstate: string; readonly message: string },
): FoundError | null {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return null;
  }
  const sqlstate = selectProperty(document, fields.sqlstate);
  const message = selectProperty(document, fields.message);
  if (typeof sqlstate !== 'string' || typeof message !== 'string') return null;
  return findErrorInText(message, sqlstate);
}

/** Evaluates a property selector of a filter pattern, e.g. `$.err.code`, `$.errors[0].code` or `$.['db.code']`. */
function selectProperty(document: unknown, selector: string): unknown {
  let value = document;
  for (const [, name, index, quoted] of selector
    .slice(1)
    .matchAll(/\.?(?:([\w-]+)|\[(\d+)\]|\['([^']+)'\])/g)) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<string, unknown>)[name ?? index ?? quoted!];
  }
  return value;
}
