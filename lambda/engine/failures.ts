/** Turns what the server said into an error with a place in the file and a remedy. Pure. */
import { ConnectionLost, SqlError } from '../postgres/database';
import { safeServerMessage } from '../postgres/server-words';
import { type ErrorInfo, TrueupError } from './errors';
import type { Migration } from './manifest';
import { type Origin, PREFLIGHT_FAILED, VERIFICATION_FAILED } from './script';

/** A lock was not to be had, or two crossed: nothing is wrong with the migration, so it is tried again. */
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
  if (error.sqlstate === VERIFICATION_FAILED || error.sqlstate === PREFLIGHT_FAILED) {
    const verify = error.sqlstate === VERIFICATION_FAILED;
    const section = verify ? migration.verify : migration.preflight;
    return new TrueupError(
      {
        ...base,
        code: verify ? 'verification' : 'preflight',
        message: verify
          ? `what it should have brought about does not hold (${count} ${count === 1 ? 'finding' : 'findings'})`
          : `the data does not allow it yet (${count} ${count === 1 ? 'reason' : 'reasons'})`,
        remedy: verify
          ? 'Nothing unproved was committed as applied; mend the migration, or what is in its way, and deploy again.'
          : 'Mend the data as the sentences say, and deploy again; nothing was changed.',
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
    return new TrueupError(
      {
        ...common,
        code: preflight ? 'preflight' : 'verification',
        line: (preflight ? migration.preflight : migration.verify)[0]?.line,
        message: `its ${origin.section} section could not run: ${message}`,
        remedy: remedyFor(error.sqlstate, migration),
      },
      { cause: error },
    );
  }
  const statement = origin?.section === 'up' ? migration.statements[origin.index] : undefined;
  return new TrueupError(
    {
      ...common,
      code: error.sqlstate === '42501' ? 'privilege' : 'statement',
      ...(statement
        ? { statement: origin!.index + 1, line: statement.line + linesBefore(statement.sql, error.position) }
        : {}),
      message,
      remedy: remedyFor(error.sqlstate, migration),
    },
    { cause: error },
  );
}

function linesBefore(sql: string, position: number | undefined): number {
  if (position === undefined) return 0;
  return [...sql].slice(0, position).filter((character) => character === '\n').length;
}

const REMEDIES: readonly (readonly [pattern: RegExp, remedy: string])[] = [
  [/^42501$/, 'Give the role the right that is missing, or set the owner role whose tables these are.'],
  [
    /^(42725|42P13|42P16)$/,
    'The signature changed, which CREATE OR REPLACE cannot do: drop the old function or view in a versioned migration; the repeatable then makes the new one.',
  ],
  [
    /^(42P07|42710|42701|42P06|42723)$/,
    'It exists already. Where it is what the migration wants, `trueup baseline` records that once its verify passes; where it is something else, rename or drop it first.',
  ],
  [
    /^57014$/,
    'It held a lock that the application feels for longer than it may. Split it into smaller steps, or allow it longer with `-- migrate:settings statement-timeout=…`.',
  ],
  [/^23505$/, 'The data holds duplicates. A preflight that lists them stops the migration before it starts.'],
  [
    /^23503$/,
    'Rows refer to rows that do not exist. A preflight that counts them stops the migration before it starts.',
  ],
  [/^(23502|23514)$/, 'Existing rows do not fit. Mend them first, in a batch.'],
  [/^53100$/, "The server's disk is full. Make room, and deploy again."],
  [
    /^(42P01|42703|42883|42704|3F000)$/,
    'It does not exist under this name and with these types. Mend the file, or the search path of the role.',
  ],
  [/^2BP01$/, 'Other objects depend on it. Change those first; CASCADE would drop them.'],
];

function remedyFor(sqlstate: string, migration: Migration): string {
  const known = REMEDIES.find(([pattern]) => pattern.test(sqlstate))?.[1];
  const state = migration.statements.every((s) => s.execution === 'transaction')
    ? 'Nothing of this migration was kept.'
    : 'The statements before it are done and stay; from this one on the file may be edited.';
  return known ? `${known} ${state}` : `Mend the file and deploy again. ${state}`;
}

/** Reasons for which trying again can help: a server that starts, restarts, or has no free slot. */
const TRANSIENT =
  /^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN|ENOTFOUND|08|57P0|53300)/;

export const isTransient = (error: ConnectionLost): boolean =>
  error.reason === undefined ? !isTlsTrouble(error) : TRANSIENT.test(error.reason);

const isTlsTrouble = (error: Error): boolean =>
  /certificate|SSL|TLS|password must be a string/i.test(error.message);

export function connectionError(error: ConnectionLost): ErrorInfo {
  const { reason } = error;
  const sqlstate = reason !== undefined && /^[0-9A-Z]{5}$/.test(reason) ? { sqlstate: reason } : {};
  return { code: 'connection', ...sqlstate, ...connectionWords(reason, error.message) };
}

const ALLOW =
  'Allow the caller rds-data:BeginTransaction, ExecuteStatement, CommitTransaction and RollbackTransaction on the cluster, and secretsmanager:GetSecretValue on the secret.';
const CHECK_SECRET =
  "Check the secret's ARN and the policy of its key, and that it holds `username` and `password`.";
const ENABLE = 'Enable the Data API on the cluster, and give its ARN exactly as AWS shows it.';

/** By the name of the Data API's exception, whose words are clear enough. */
const DATA_API_REMEDIES: Readonly<Record<string, string>> = {
  AccessDeniedException: ALLOW,
  ForbiddenException: ALLOW,
  SecretsErrorException: CHECK_SECRET,
  InvalidSecretException: CHECK_SECRET,
  HttpEndpointNotEnabledException: ENABLE,
  NotFoundException: ENABLE,
  DatabaseNotFoundException: 'Add an instance to the cluster: the Data API speaks to its writer.',
  InvalidResourceStateException: 'Wait until the cluster is available, and deploy again.',
};

function connectionWords(reason: string | undefined, message: string): { message: string; remedy: string } {
  switch (reason) {
    case '28P01':
      return {
        message: 'the database refused the password',
        remedy: 'Check user and password (or the secret that holds them), and that the role may log in.',
      };
    case '28000':
      return {
        message: `the database refused the login: ${message}`,
        remedy: 'Check the user, that it may log in, and that TLS is used where the server wants it.',
      };
    case '3D000':
      return { message, remedy: 'Create the database, or correct its name.' };
    case '53300':
      return {
        message: 'the server has no free connection',
        remedy: 'Close idle sessions, or raise max_connections, and deploy again.',
      };
    case '25P03':
      return {
        message: 'the server ended the session because its transaction was idle for too long',
        remedy: 'ALTER ROLE <login> SET idle_in_transaction_session_timeout = 0, and deploy again.',
      };
    case '25P04':
      return {
        message: 'the server ended the transaction at its time limit (transaction_timeout)',
        remedy: 'ALTER ROLE <login> SET transaction_timeout = 0, and deploy again.',
      };
    case 'ENOTFOUND':
      return { message: `the host name cannot be resolved (${message})`, remedy: 'Check the host name.' };
    case 'ECONNREFUSED':
      return {
        message: `nothing listens at that address (${message})`,
        remedy: 'Check host and port, and that the server is running.',
      };
    default:
      if (reason !== undefined && DATA_API_REMEDIES[reason]) {
        return { message, remedy: DATA_API_REMEDIES[reason] };
      }
      if (/unsupported startup parameter|RDS Proxy|not supported by RDS Proxy/i.test(message)) {
        return {
          message:
            'a proxy or pooler stands in front of the database; sessions, and so the lock between runners, are shared there',
          remedy: "Give the address of the database itself (the cluster's writer or the instance).",
        };
      }
      if (isTlsTrouble(new Error(message))) {
        return {
          message: `the TLS connection could not be verified (${message})`,
          remedy:
            "Give the certificate authority's file (--ssl-root-cert), and the host name that the certificate names.",
        };
      }
      return {
        message: `the database cannot be reached (${message})`,
        remedy: 'Check host, port, network and security groups, and that the server is running.',
      };
  }
}

/** An error of unknown make, as one of ours; its text is not shown, since it may hold anything. */
export function unexpected(error: unknown): ErrorInfo {
  if (error instanceof TrueupError) return error.info;
  if (error instanceof ConnectionLost) return connectionError(error);
  if (error instanceof SqlError && error.sqlstate === '25006') {
    return {
      code: 'unsupported',
      message: 'the database lets this role only read (default_transaction_read_only)',
      remedy:
        'Where that is not meant to stop a deployment: ALTER ROLE <login> SET default_transaction_read_only = off.',
      sqlstate: error.sqlstate,
    };
  }
  if (error instanceof SqlError) {
    return {
      code: error.sqlstate === '42501' ? 'privilege' : 'ledger',
      message: `the server refused Trueup's own statement: ${safeServerMessage(error.sqlstate, error.message, error)}`,
      remedy:
        error.sqlstate === '42501'
          ? 'Let the role create schema trueup (GRANT CREATE ON DATABASE …), or make it the owner of that schema.'
          : 'Please report this; the log has the details.',
      sqlstate: error.sqlstate,
    };
  }
  throw error;
}
