/** A database that cannot be reached, or whose connection was lost: whether to try again, and what to say. Pure. */
import type { ErrorInfo } from '../../contract/errors';
import { type ConnectionLost, SHARED_SESSION } from '../../postgres/database';

/** Reasons for which trying again can help: a server that starts, restarts, or has no free slot. */
const TRANSIENT =
  /^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN|ENOTFOUND|08|57P0|53300)/;

export const isTransient = (error: ConnectionLost): boolean =>
  error.reason === undefined
    ? !isTlsTrouble(error)
    : TRANSIENT.test(error.reason) && !isPooler(error.reason, error.message);

/** It refuses our startup options, as a violation of the protocol, or has swallowed them. */
const isPooler = (reason: string | undefined, message: string): boolean =>
  reason === SHARED_SESSION || /unsupported startup parameter|RDS Proxy/i.test(message);

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
  DatabaseNotFoundException: 'Add an instance to the cluster: the Data API uses its writer.',
  InvalidResourceStateException: 'Wait until the cluster is available, and deploy again.',
};

function connectionWords(reason: string | undefined, message: string): { message: string; remedy: string } {
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
      if (isPooler(reason, message)) {
        return {
          message:
            'a proxy or pooler in front of the database shares sessions, so the lock between runners would not hold',
          remedy:
            "Give the address of the database itself (the cluster's writer or the instance); on the command line, " +
            'use --pooler=session if the pooler keeps whole sessions.',
        };
      }
      if (isTlsTrouble(new Error(message))) {
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
