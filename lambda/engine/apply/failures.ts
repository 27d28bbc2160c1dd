/** Turns an error of the server into an error with its place in the file and a remedy. Pure. */

import { type ErrorInfo, TrueupError } from '../../contract/errors';
import type { Migration } from '../../contract/manifest';
import { ConnectionLostError, SqlError } from '../../postgres/database';
import { isRaisedByUserCode, safeServerMessage, WITHHELD_MESSAGE } from '../../postgres/server-words';
import { HELD_TOO_LONG_SQLSTATE } from '../sql/engine';
import { NOT_CHECKED_SQLSTATE } from '../sql/support';
import { describeConnectionError } from './connection-failures';
import { PREFLIGHT_FAILED_SQLSTATE, VERIFICATION_FAILED_SQLSTATE } from './raise-rows';
import { splitIntoSegments } from './script';
import type { StatementOrigin } from './script-builder';

/**
 * Messages that the user's own code raised. They are stored outside the error, so that no writer of an error (a log, the
 * ledger, a response) can include them. Only this process can show them, to the person whose database it is.
 */
const RAISED_MESSAGES = new WeakMap<ErrorInfo, string>();

export const attachRaisedMessage = (info: ErrorInfo, error: unknown): ErrorInfo => {
  if (error instanceof SqlError && isRaisedByUserCode(error)) RAISED_MESSAGES.set(info, error.message);
  return info;
};

/**
 * Returns the error with the message that the user's own code raised, on one line. For a person working on their own
 * database.
 */
export function appendRaisedMessage(info: ErrorInfo): ErrorInfo {
  const words = RAISED_MESSAGES.get(info)?.replace(/\p{Cc}+/gu, ' ');
  return words === undefined
    ? info
    : { ...info, message: info.message.replace(WITHHELD_MESSAGE, () => words) };
}

/**
 * Whether a lock could not be acquired in time or a deadlock occurred. The migration itself is not at fault, so it is
 * retried.
 */
export function isLockFailure(error: unknown, origin: StatementOrigin | undefined): boolean {
  if (!(error instanceof SqlError)) return false;
  if (['55P03', '40P01', '40001'].includes(error.sqlstate)) return true;
  // The lock phase has its own statement timeout.
  return error.sqlstate === '57014' && origin?.section === 'locks';
}

export function makeMigrationError(
  error: SqlError,
  origin: StatementOrigin | undefined,
  migration: Migration,
): TrueupError {
  const base = { migration: migration.name, file: migration.file };
  const sentences = error.message.split('\n').slice(1);
  const count = Number.parseInt(error.message, 10);
  const rows = count === 1 ? '1 check returned a row' : `checks returned ${count} rows`;
  if (error.sqlstate === VERIFICATION_FAILED_SQLSTATE || error.sqlstate === PREFLIGHT_FAILED_SQLSTATE) {
    const verify = error.sqlstate === VERIFICATION_FAILED_SQLSTATE;
    const section = verify ? migration.verify : migration.preflight;
    return new TrueupError(
      {
        ...base,
        code: verify ? 'verification' : 'preflight',
        message: verify
          ? `verification failed: ${rows}`
          : `preflight found ${count} ${count === 1 ? 'blocker' : 'blockers'}`,
        remedy: verify
          ? 'The migration is not recorded as applied. Fix it, or fix what the checks report, and deploy again.'
          : 'Nothing was changed. Fix the data as described, and deploy again.',
        line: section[0]?.line,
        details: sentences,
        sqlstate: error.sqlstate,
      },
      { cause: error },
    );
  }
  if (error.sqlstate === NOT_CHECKED_SQLSTATE) {
    const code = error.message.split('\n');
    return new TrueupError(
      {
        ...base,
        code: 'verification',
        message: `its verify section was not fully run: it may call untrusted code with the privileges of this login (${code[0]})`,
        remedy:
          'Connect as the role that owns that code, or as a login that is a member of that role and has no other privileges; or make a trusted role the owner.',
        line: migration.verify[0]?.line,
        details: code,
        sqlstate: error.sqlstate,
      },
      { cause: error },
    );
  }
  const message = safeServerMessage(error.sqlstate, error.message, error);
  const common = { ...base, sqlstate: error.sqlstate };
  if (origin?.section === 'preflight' || origin?.section === 'verify') {
    const preflight = origin.section === 'preflight';
    const info: ErrorInfo = {
      ...common,
      code: preflight ? 'preflight' : 'verification',
      line: (preflight ? migration.preflight : migration.verify)[0]?.line,
      message: `its ${origin.section} section could not run: ${message}`,
      remedy: findRemedy(error, !preflight && isCommittedBefore(migration, null)),
    };
    return new TrueupError(attachRaisedMessage(info, error), { cause: error });
  }
  const inUp = origin?.section === 'up' || origin?.section === 'hold';
  const statement = inUp ? migration.statements[origin.index] : undefined;
  const info: ErrorInfo = {
    ...common,
    code: error.sqlstate === '42501' ? 'privilege' : 'statement',
    ...(statement
      ? {
          statement: origin!.index + 1,
          line: statement.line + countLinesBefore(statement.sql, error.position),
        }
      : {}),
    message,
    remedy: findRemedy(error, isCommittedBefore(migration, inUp ? origin.index : null), statement?.sql),
  };
  return new TrueupError(attachRaisedMessage(info, error), { cause: error });
}

function countLinesBefore(sql: string, position: number | undefined): number {
  if (position === undefined) return 0;
  return [...sql].slice(0, position).filter((character) => character === '\n').length;
}

/** Remedies by SQLSTATE. Those with a third element apply only if the statement matches it. */
const REMEDIES: readonly (readonly [pattern: RegExp, remedy: string, statement?: RegExp])[] = [
  [
    /^42501$/,
    'Grant the role the missing privilege, or set the owner role to the role that owns these tables.',
  ],
  [
    /^(42725|42P13|42P16)$/,
    'The signature changed, which CREATE OR REPLACE cannot do: drop the old function or view in a versioned ' +
      'migration; the repeatable migration then creates the new one.',
    /^\s*CREATE\s+OR\s+REPLACE\b/i,
  ],
  [
    /^(42P07|42710|42701|42P06|42723)$/,
    'It already exists. If it is what the migration would create, `trueup baseline` (for tenants with `--fleet` or `--schema`; in a stack, the property `baseline`) records that once its verify section passes; otherwise rename or drop it first.',
  ],
  [
    new RegExp(`^(57014|${HELD_TOO_LONG_SQLSTATE})$`),
    'It held a lock that blocks the application for longer than allowed. Split it into smaller steps, or raise the limit with `-- migrate:settings statement-timeout=…`.',
  ],
  [
    /^23505$/,
    'The data contains duplicates. Add a preflight that lists them, so that the migration stops before it starts.',
  ],
  [
    /^23503$/,
    'Some rows refer to rows that do not exist. Add a preflight that counts them, so that the migration stops before it starts.',
  ],
  [/^(23502|23514)$/, 'Existing rows violate it. Fix them first, in a batch.'],
  // Class 08 here comes from a subscription's publisher: the statement failed, not Trueup's own connection.
  [
    /^08/,
    'The publisher cannot be reached from the database server, or it refused. If an earlier attempt was interrupted, its replication slot may still be there: drop it on the publisher with pg_drop_replication_slot(), or reuse it with `create_slot = false`.',
  ],
  [/^53100$/, "The server's disk is full. Make room, and deploy again."],
  [
    /^(42P01|42703|42883|42704|3F000)$/,
    'Nothing with this name and these types exists. Fix the file, or the search path of the role.',
  ],
  [/^2BP01$/, 'Other objects depend on it. Change those first; CASCADE would drop them.'],
];

/**
 * Whether part of the migration is already committed when the statement at `index` fails. `null` means a step after
 * all statements.
 */
function isCommittedBefore(migration: Migration, index: number | null): boolean {
  const segments = splitIntoSegments(migration, 0);
  if (index === null) return segments.length > 1 || segments[0]?.execution !== 'transaction';
  const failed = segments.find(({ to }) => index < to);
  return failed !== undefined && (failed.from > 0 || failed.execution === 'batch');
}

const CANCELLED_BY_PERSON = 'Another session cancelled it (pg_cancel_backend). Deploy again.';
const CANCELLED_REMEDY =
  'It was cancelled by another session (pg_cancel_backend), or because it held a lock that blocks the application for longer than allowed.';

/** The server uses one code for both causes and names the cause only in the message, which may be translated. */
function findCancelRemedy({ sqlstate, message }: SqlError): string | undefined {
  if (sqlstate !== '57014') return undefined;
  if (/user request/.test(message)) return CANCELLED_BY_PERSON;
  return /timeout|longer than/.test(message) ? undefined : CANCELLED_REMEDY;
}

/** The code that raised the error chose the SQLSTATE, so no remedy can be derived from it. */
const RAISED_REMEDY =
  'Code in this database raised it: a function, a trigger or an event trigger. The server log has the message.';

function findRemedy(error: SqlError, kept: boolean, sql = ''): string {
  const [, byCode] =
    REMEDIES.find(
      ([pattern, , statement]) => pattern.test(error.sqlstate) && (statement?.test(sql) ?? true),
    ) ?? [];
  const known = isRaisedByUserCode(error) ? RAISED_REMEDY : (findCancelRemedy(error) ?? byCode);
  const state = kept
    ? "The statements before it remain applied, unless the stack's rollback undoes them; you may edit the file from this statement on."
    : 'Nothing of this migration was applied.';
  return known ? `${known} ${state}` : `Fix the file and deploy again. ${state}`;
}

/** Converts an unknown error into one of Trueup's own. Its message is not shown, since it may contain anything. */
export function describeUnexpectedError(error: unknown): ErrorInfo {
  if (error instanceof TrueupError) return error.info;
  if (error instanceof ConnectionLostError) return describeConnectionError(error);
  if (error instanceof SqlError && error.sqlstate === '25006') {
    return {
      code: 'unsupported',
      message: 'this role is read-only in this database (default_transaction_read_only)',
      remedy:
        'If deployments should write with it: ALTER ROLE <login> SET default_transaction_read_only = off.',
      sqlstate: error.sqlstate,
    };
  }
  if (error instanceof SqlError) return attachRaisedMessage(describeRefusedStatement(error), error);
  throw error;
}

function describeRefusedStatement(error: SqlError): ErrorInfo {
  const { sqlstate } = error;
  const words = safeServerMessage(sqlstate, error.message, error);
  return {
    code: sqlstate === '42501' ? 'privilege' : 'ledger',
    message: `the server refused Trueup's own statement: ${words}`,
    remedy: isRaisedByUserCode(error)
      ? `${RAISED_REMEDY} Exempt the schema trueup from it.`
      : sqlstate === '42501'
        ? 'Allow the role to create schema trueup (GRANT CREATE ON DATABASE …), or make it the owner of that schema.'
        : words === WITHHELD_MESSAGE
          ? 'The server log has the message. If a function or trigger of this database raised it, exempt the schema trueup from it; otherwise please report this.'
          : 'Please report this; the log has the details.',
    sqlstate,
  };
}
