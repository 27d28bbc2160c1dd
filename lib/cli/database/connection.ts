/**
 * The database to connect to: an option, a URL or the usual PG variables. The environment is read only in this file.
 */
import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { buildBundleUrl, findRootCertificates, parseRegion } from '../../../lambda/postgres/amazon-roots';
import AMAZON_ROOTS from '../../../lambda/postgres/amazon-roots.json';
import type { PgOptions } from '../../../lambda/postgres/pg-client';
import { UsageError } from '../terminal/failure';

export interface ConnectionOptions {
  readonly databaseUrl?: string;
  readonly sslMode?: string;
  readonly sslRootCert?: string;
  /** Set to `session` if a pooler in between works in session mode. */
  readonly pooler?: 'session';
}

export interface ConnectionTarget {
  readonly pg: PgOptions;
  /** `user@host:port/database`, for messages. Never contains a password. */
  readonly label: string;
}

const CONNECTION_REMEDY =
  'Give --database-url postgres://user:password@host:5432/database, or set DATABASE_URL, or PGHOST, PGUSER, ' +
  'PGPASSWORD and PGDATABASE.';

/**
 * Resolves the connection from the options and the environment.
 * @throws {UsageError}
 */
export function resolveConnectionTarget(
  options: ConnectionOptions,
  env: NodeJS.ProcessEnv = process.env,
): ConnectionTarget {
  const text = options.databaseUrl ?? env.DATABASE_URL;
  if (!text && !env.PGHOST && !env.PGDATABASE && !env.PGUSER && !env.PGPORT) {
    throw new UsageError('no database was given', CONNECTION_REMEDY);
  }
  const url = text ? parseUrl(text, options.databaseUrl ? '--database-url' : 'DATABASE_URL') : {};
  const host = url.host ?? env.PGHOST ?? 'localhost';
  const port = parsePort(url.port ?? env.PGPORT ?? '5432');
  const user = url.user ?? env.PGUSER ?? userInfo().username;
  const password = url.password ?? env.PGPASSWORD;
  const database = url.database ?? env.PGDATABASE ?? user;
  const ssl = resolveTls(host, {
    mode: options.sslMode ?? url.sslMode ?? env.PGSSLMODE,
    rootCert: options.sslRootCert ?? url.sslRootCert ?? env.PGSSLROOTCERT,
  });
  const pooler = options.pooler === undefined ? {} : { pooler: options.pooler };
  return {
    pg: { host, port, user, ...(password === undefined ? {} : { password }), database, ssl, ...pooler },
    label: `${user}@${host}:${port}/${database}`,
  };
}

interface UrlParts {
  readonly host?: string;
  readonly port?: string;
  readonly user?: string;
  readonly password?: string;
  readonly database?: string;
  readonly sslMode?: string;
  readonly sslRootCert?: string;
}

/** Parses a connection URL. No message repeats the URL, because it holds a password. */
function parseUrl(text: string, source: string): UrlParts {
  const wrong = (what: string): UsageError =>
    new UsageError(
      `the URL in ${source} ${what}`,
      'Its form is postgres://user:password@host:5432/database; write special characters in the password ' +
        'percent-encoded (@ is %40, / is %2F, # is %23, % is %25).',
    );
  if (!/^postgres(ql)?:\/\//.test(text)) throw wrong('does not begin with postgres://');
  try {
    // libpq allows user@/database, which URL does not.
    const url = new URL(text.replace(/^(\w+:\/\/[^/?]*@)(?=[/?]|$)/, '$1localhost'));
    const query = (name: string): string | undefined => url.searchParams.get(name) || undefined;
    // An unescaped / in the password ends the host, and the rest of the password would be part of the database's name.
    if (/[/@]/.test(url.pathname.slice(1))) throw wrong('has / or @ in the name of the database');
    const part = (value: string): string | undefined => (value ? decodeURIComponent(value) : undefined);
    return {
      // The folder of a Unix socket is no valid host in a URL, so it may come in the query.
      host: query('host') ?? part(url.hostname)?.replace(/^\[|\]$/g, ''),
      port: url.port || query('port'),
      user: part(url.username) ?? query('user'),
      password: part(url.password) ?? query('password'),
      database: part(url.pathname.slice(1)) ?? query('dbname'),
      sslMode: query('sslmode'),
      sslRootCert: query('sslrootcert'),
    };
  } catch (error) {
    throw error instanceof UsageError ? error : wrong('cannot be read');
  }
}

function parsePort(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new UsageError(
    `\`${text}\` is not a port`,
    'A port is a number from 1 to 65535; PostgreSQL uses 5432.',
  );
}

const isLocal = (host: string): boolean => /^(localhost|127\.[\d.]+|::1|\/.*)$/.test(host);

/**
 * Interprets libpq's SSL modes, with one difference: TLS that does not verify the server is not offered. Modes that
 * demand TLS (`require`, `verify-ca`) get `verify-full`; `allow` and `prefer` demand nothing.
 */
function resolveTls(host: string, wish: { mode?: string; rootCert?: string }): NonNullable<PgOptions['ssl']> {
  const mode = wish.mode || 'prefer';
  switch (mode) {
    case 'disable':
      return false;
    case 'allow':
    case 'prefer':
      if (isLocal(host) && !wish.rootCert) return false;
      break;
    case 'require':
    case 'verify-ca':
    case 'verify-full':
      break;
    default:
      throw new UsageError(
        `\`${mode}\` is not an SSL mode`,
        'Use verify-full (TLS, with the certificate and the host name checked) or disable (no TLS).',
      );
  }
  const ca = readRootCertificates(wish.rootCert, host);
  return ca === undefined ? {} : { ca };
}

/**
 * Returns the roots to trust: `rds` means Amazon's roots for RDS, `system` those that Node trusts, anything else a PEM
 * file. By default an RDS endpoint is verified against the roots of its region, if this version has a copy of them.
 */
function readRootCertificates(name: string | undefined, host: string): string | undefined {
  if (name === undefined) return findRootCertificates(host, AMAZON_ROOTS);
  if (name === 'system') return undefined;
  if (name === 'rds') {
    const region = parseRegion(host);
    if (region === undefined) return Object.values(AMAZON_ROOTS).flat().join('');
    const known = findRootCertificates(host, AMAZON_ROOTS);
    if (known !== undefined) return known;
    throw new UsageError(
      `Trueup has no copy of Amazon's root certificates for ${region}`,
      `Download ${buildBundleUrl(region)} and give the file: --ssl-root-cert ${region}-bundle.pem.`,
    );
  }
  try {
    const pem = readFileSync(name, 'utf8');
    if (pem.includes('-----BEGIN CERTIFICATE-----')) return pem;
  } catch (error) {
    throw new UsageError(
      `the root certificate ${name} cannot be read (${(error as NodeJS.ErrnoException).code})`,
      'Give --ssl-root-cert a PEM file, `rds` for Amazon RDS, or `system`.',
    );
  }
  throw new UsageError(
    `${name} contains no certificate`,
    'It must be a PEM file with BEGIN CERTIFICATE lines.',
  );
}
