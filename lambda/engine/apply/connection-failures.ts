/** Decides whether to retry after a failed or lost connection, and describes the failure. Pure. */
import type { ErrorInfo } from '../../contract/errors';
import { type ConnectionLostError, SHARED_SESSION } from '../../postgres/database';

/** Failures that a retry can resolve: the server is starting or restarting, or has no free connection. */
const TRANSIENT_FAILURES =
  /^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN|ENOTFOUND|08|57P0|53300)/;

export const isTransient = (error: ConnectionLostError): boolean =>
  error.reason === undefined
    ? !isTlsError(error)
    : TRANSIENT_FAILURES.test(error.reason) && !isPoolerRefusal(error.reason, error.message);

/** Whether a pooler answered. It rejects Trueup's startup options as a protocol violation, or silently drops them. */
const isPoolerRefusal = (reason: string | undefined, message: string): boolean =>
  reason === SHARED_SESSION || /unsupported startup parameter|RDS Proxy/i.test(message);

const isTlsError = (error: Error): boolean =>
  /certificate|SSL|TLS|password must be a string/i.test(error.message);

export function describeConnectionError(error: ConnectionLostError): ErrorInfo {
  const { reason } = error;
  const sqlstate = reason !== undefined && /^[0-9A-Z]{5}$/.test(reason) ? { sqlstate: reason } : {};
  return { code: 'connection', ...sqlstate, ...describeConnectionFailure(reason, error.message) };
}

const ALLOW_DATA_API_REMEDY =
  'Allow the caller rds-data:BeginTransaction, ExecuteStatement, CommitTransaction and RollbackTransaction on the cluster, and secretsmanager:GetSecretValue on the secret.';
const CHECK_SECRET_REMEDY =
  "Check the secret's ARN, the policy of its KMS key, and that the secret contains `username` and `password`.";
const ENABLE_DATA_API_REMEDY =
  'Enable the Data API on the cluster, and give its ARN exactly as AWS shows it.';

/** Remedies by the Data API's exception name. The exception's own message is clear enough. */
const DATA_API_REMEDIES: Readonly<Record<string, string>> = {
  AccessDeniedException: ALLOW_DATA_API_REMEDY,
  ForbiddenException: ALLOW_DATA_API_REMEDY,
  SecretsErrorException: CHECK_SECRET_REMEDY,
  InvalidSecretException: CHECK_SECRET_REMEDY,
  HttpEndpointNotEnabledException: ENABLE_DATA_API_REMEDY,
  NotFoundException: ENABLE_DATA_API_REMEDY,
  DatabaseNotFoundException: 'Add an instance to the cluster: the Data API uses its writer.',
  InvalidResourceStateException: 'Wait until the cluster is available, and deploy again.',
};

function describeConnectionFailure(
  reason: string | undefined,
  message: string,
): { message: string; remedy: string } {
  switch (reason) {
    case '28P01':
      return {
        message: 'the database refused the password',
        remedy: 'Check the user and password (or the secret that holds them), and that the role has LOGIN.',
      };
    case '28000':
      return {
        message: `the database refused the login: ${message}`,
        remedy: 'Check the user, that the role has LOGIN, and whether the server requires TLS.',
      };
    case '42501':
      return {
        message: `the database refused the role: ${message}`,
        remedy: 'As the owner of the database: GRANT CONNECT ON DATABASE <database> TO <login>.',
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
      if (isPoolerRefusal(reason, message)) {
        return {
          message:
            'a proxy or pooler in front of the database shares sessions between clients, so the runner lock would not work',
          remedy:
            "Give the address of the database itself (the cluster's writer or the instance); on the command line, " +
            'use --pooler=session if the pooler keeps whole sessions.',
        };
      }
      if (isTlsError(new Error(message))) {
        return {
          message: `the TLS connection could not be verified (${message})`,
          remedy:
            "Give the certificate authority's file (in a stack `trustedRoots`, on the command line --ssl-root-cert), and the host name that the certificate names.",
        };
      }
      return {
        message: `the database cannot be reached (${message})`,
        remedy: 'Check host, port, network and security groups, and that the server is running.',
      };
  }
}
