/**
 * Every failure that Trueup reports is one of these. The message says what failed and why in one sentence, and
 * `remedy` says what to do. Neither contains row data: see safeServerMessage() in ../postgres/server-words.ts.
 */
export type ErrorCode =
  | 'connection' // the database cannot be reached, or rejects the login
  | 'privilege' // the role lacks a privilege; the remedy contains the GRANT
  | 'unsupported' // a replica, a proxy, a server that is too old
  | 'manifest' // a file that cannot work, or code and event with different manifests
  | 'history' // an applied file was edited
  | 'ledger' // the ledger is newer than the code, or damaged
  | 'ownership' // the namespace belongs to another stack
  | 'target' // the requested schema does not exist, or is not the namespace's
  | 'preflight' // the data does not allow `up`
  | 'statement' // the server rejected a statement
  | 'verification' // `verify` returned rows
  | 'workload' // a statement that the application sends would no longer plan
  | 'lock-timeout' // could not get a table's lock in time
  | 'busy' // another runner holds the advisory lock
  | 'undo'; // something cannot be undone

export interface ErrorInfo {
  readonly code: ErrorCode;
  readonly message: string;
  readonly remedy: string;
  readonly migration?: string;
  /** 1-based position among the migration's statements. */
  readonly statement?: number;
  readonly file?: string;
  /** 1-based line in the file. */
  readonly line?: number;
  readonly sqlstate?: string;
  /** Sentences about what preflight or verify found, or which sessions block. */
  readonly details?: readonly string[];
}

export class TrueupError extends Error {
  override readonly name: string = 'TrueupError';
  constructor(
    readonly info: ErrorInfo,
    options?: ErrorOptions,
  ) {
    super(info.message, options);
  }
}

/** Formats the error as one line (with its details) for a terminal, a stack event or a log. */
export function describeError(info: ErrorInfo): string {
  const where = [info.migration, info.line === undefined ? undefined : `line ${info.line}`]
    .filter(Boolean)
    .join(', ');
  const state = info.sqlstate ? ` [SQLSTATE ${info.sqlstate}]` : '';
  const what = where ? `${where}: ${info.message}` : info.message.replace(/^./, (c) => c.toUpperCase());
  const details = info.details?.length ? [toSentence(info.details.join('; '))] : [];
  return [toSentence(what + state), ...details, info.remedy].join(' ').trim();
}

/** Adds a full stop if the text does not end with one. */
export const toSentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`);
