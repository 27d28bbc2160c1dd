/** Turns what the server said into an error with a place in the file and a remedy. Pure. */

import { type ErrorInfo, TrueupError } from '../../contract/errors';
import type { Migration } from '../../contract/manifest';
import { ConnectionLost, SqlError } from '../../postgres/database';
import { isRaised, safeServerMessage, WITHHELD } from '../../postgres/server-words';
import { HELD_TOO_LONG } from '../sql/engine';
import { connectionError } from './connection-failures';
import { PREFLIGHT_FAILED, VERIFICATION_FAILED } from './raise-rows';
import { segmentsOf } from './script';
import type { Origin } from './script-builder';

/**
 * What somebody's own code raised. It stands beside an error and not in it, so that nothing that writes an error down (a
 * log, the ledger, an answer) can write it too: only this process can show it, to the person whose database it is.
 */
const RAISED_WORDS = new WeakMap<ErrorInfo, string>();

export const withRaised = (info: ErrorInfo, error: unknown): ErrorInfo => {
  if (error instanceof SqlError && isRaised(error)) RAISED_WORDS.set(info, error.message);
  return info;
};

/** For a person at their own database: with the words that their own code raised, on one line. */
export function withOwnWords(info: ErrorInfo): ErrorInfo {
  const words = RAISED_WORDS.get(info)?.replace(/\p{Cc}+/gu, ' ');
  return words === undefined ? info : { ...info, message: info.message.replace(WITHHELD, () => words) };
}

/** A lock could not be had in time, or two crossed: nothing is wrong with the migration, so it is tried again. */
export function isLockTrouble(error: unknown, origin: Origin | undefined): boolean {
  if (!(error instanceof SqlError)) return false;
  if (['55P03', '40P01', '40001'].includes(error.sqlstate)) return true;
  // The lock phase has a statement timeout of its own.
  return error.sqlstate === '57014' && origin?.section === 'locks';
}

export function migrationError(
  error: SqlError,
  origin: Origin | undefined,
  migration: Migration,
): TrueupError {
  const base = { migration: migration.name, file: migration.file };
  const sentences = error.message.split('\n').slice(1);
  const count = Number.parseInt(error.message, 10);
  const rows = count === 1 ? '1 check returned a row' : `checks returned ${count} rows`;
  if (error.sqlstate === VERIFICATION_FAILED || error.sqlstate === PREFLIGHT_FAILED) {
    const verify = error.sqlstate === VERIFICATION_FAILED;
    const section = verify ? migration.verify : migration.preflight;
    return new TrueupError(
      {
        ...base,
        code: verify ? 'verification' : 'preflight',
        message: verify
          ? `verification failed: ${rows}`
          : `preflight found ${count} ${count === 1 ? 'blocker' : 'blockers'}`,
        remedy: verify
          ? 'Nothing unverified is recorded as applied. Fix the migration, or what its checks name, and deploy again.'
          : 'Nothing was changed. Fix the data as described, and deploy again.',
        line: section[0]?.line,
        details: sentences,
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
      remedy: remedyFor(error, !preflight && keptBefore(migration, null)),
    };
    return new TrueupError(withRaised(info, error), { cause: error });
  }
  const inUp = origin?.section === 'up' || origin?.section === 'hold';
  const statement = inUp ? migration.statements[origin.index] : undefined;
  const info: ErrorInfo = {
    ...common,
    code: error.sqlstate === '42501' ? 'privilege' : 'statement',
    ...(statement
      ? { statement: origin!.index + 1, line: statement.line + linesBefore(statement.sql, error.position) }
      : {}),
    message,
    remedy: remedyFor(error, keptBefore(migration, inUp ? origin.index : null), statement?.sql),
  };
  return new TrueupError(withRaised(info, error), { cause: error });
}

function linesBefore(sql: string, position: number | undefined): number {
  if (position === undefined) return 0;
  return [...sql].slice(0, position).filter((character) => character === '\n').length;
}

/** Of some, only when the statement is such a one. */
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
    'It already exists. If it is what the migration would create, `trueup baseline` (in a stack, the property `baseline`) records that once its verify section passes; otherwise rename or drop it first.',
  ],
  [
    new RegExp(`^(57014|${HELD_TOO_LONG})$`),
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
  // What a subscription's publisher says: an error of the statement, not of our own connection.
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

/** Whether something is committed already when the statement at `index` fails, or what comes after them all (null). */
function keptBefore(migration: Migration, index: number | null): boolean {
  const segments = segmentsOf(migration, 0);
  if (index === null) return segments.length > 1 || segments[0]?.execution !== 'transaction';
  const failed = segments.find(({ to }) => index < to);
  return failed !== undefined && (failed.from > 0 || failed.execution === 'batch');
}

const BY_A_PERSON = 'Somebody cancelled it (pg_cancel_backend). Deploy again.';
const CANCELLED =
  'It was cancelled: by somebody (pg_cancel_backend), or because it held a lock that blocks the application for longer than allowed.';

/** The server has one code for both, and says which in words that it may have translated. */
function remedyOfCancelled({ sqlstate, message }: SqlError): string | undefined {
  if (sqlstate !== '57014') return undefined;
  if (/user request/.test(message)) return BY_A_PERSON;
  return /timeout|longer than/.test(message) ? undefined : CANCELLED;
}

/** Its code is somebody's own choice, so nothing follows from it. */
const RAISED_REMEDY =
  'Code in this database raised it: a function, a trigger or an event trigger. The server log has the message.';

function remedyFor(error: SqlError, kept: boolean, sql = ''): string {
  const [, byCode] =
    REMEDIES.find(
      ([pattern, , statement]) => pattern.test(error.sqlstate) && (statement?.test(sql) ?? true),
    ) ?? [];
  const known = isRaised(error) ? RAISED_REMEDY : (remedyOfCancelled(error) ?? byCode);
  const state = kept
    ? "What is done stays, unless the stack's rollback undoes it; you may edit the file from this statement on."
    : 'Nothing of this migration was kept.';
  return known ? `${known} ${state}` : `Fix the file and deploy again. ${state}`;
}

/** An error of unknown make, as one of ours; its text is not shown, since it may hold anything. */
export function unexpectedError(error: unknown): ErrorInfo {
  if (error instanceof TrueupError) return error.info;
  if (error instanceof ConnectionLost) return connectionError(error);
  if (error instanceof SqlError && error.sqlstate === '25006') {
    return {
      code: 'unsupported',
      message: 'this role is read-only in this database (default_transaction_read_only)',
      remedy:
        'If deployments should write with it: ALTER ROLE <login> SET default_transaction_read_only = off.',
      sqlstate: error.sqlstate,
    };
  }
  if (error instanceof SqlError) return withRaised(ownStatementRefused(error), error);
  throw error;
}

function ownStatementRefused(error: SqlError): ErrorInfo {
  const { sqlstate } = error;
  const words = safeServerMessage(sqlstate, error.message, error);
  return {
    code: sqlstate === '42501' ? 'privilege' : 'ledger',
    message: `the server refused Trueup's own statement: ${words}`,
    remedy: isRaised(error)
      ? `${RAISED_REMEDY} Exempt the schema trueup from it.`
      : sqlstate === '42501'
        ? 'Allow the role to create schema trueup (GRANT CREATE ON DATABASE …), or make it the owner of that schema.'
        : words === WITHHELD
          ? 'The server log has the message. If a function or trigger of this database raised it, exempt the schema trueup from it; otherwise please report this.'
          : 'Please report this; the log has the details.',
    sqlstate,
  };
}
