/**
 * Every failure that Trueup reports is one of these. A message says what and why in one sentence, `remedy` what to do.
 * Neither ever carries row data: see safeServerMessage() in ../postgres/server-words.ts.
 */
export type ErrorCode =
  | 'connection' // the database cannot be reached, or refuses the login
  | 'privilege' // the role lacks a privilege; the remedy holds the GRANT
  | 'unsupported' // a replica, a proxy, a server that is too old
  | 'manifest' // a file that cannot work, or code and event that speak of different manifests
  | 'history' // an applied file was edited
  | 'ledger' // the ledger is newer than the code, or damaged
  | 'ownership' // the namespace belongs to another stack
  | 'target' // the schema that is asked for is not there, or not the namespace's
  | 'preflight' // the data does not allow `up`
  | 'statement' // the server refused a statement
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
  /** Sentences: what preflight or verify found, who blocks. */
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

/** One line (plus details) for a terminal, a stack event or a log. */
export function describeError(info: ErrorInfo): string {
  const where = [info.migration, info.line === undefined ? undefined : `line ${info.line}`]
    .filter(Boolean)
    .join(', ');
  const state = info.sqlstate ? ` [SQLSTATE ${info.sqlstate}]` : '';
  const what = where ? `${where}: ${info.message}` : info.message.replace(/^./, (c) => c.toUpperCase());
  const details = info.details?.length ? [sentence(info.details.join('; '))] : [];
  return [sentence(what + state), ...details, info.remedy].join(' ').trim();
}

/** With a full stop, where it has none. */
export const sentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`);
