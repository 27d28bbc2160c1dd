/** What leaves the function beside the database's own connection: Secrets Manager is asked, a token is signed. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Sha256 } from '@smithy/core/checksum';
import { HttpRequest } from '@smithy/core/protocols';
import { SignatureV4 } from '@smithy/signature-v4';
import { within } from '../aws-timeouts';
import { TrueupError } from '../contract/errors';
import { ConnectionLost } from '../postgres/database';

export interface Secret {
  readonly username: string;
  readonly password: string;
}

/** A right given by the same deployment takes some seconds to hold everywhere. */
const PROPAGATION_MS = 20_000;
const RETRY_MS = 4_000;

/**
 * @param id an ARN, or the name of a tenant's own
 * @throws {ConnectionLost} when Secrets Manager cannot be reached: worth waiting for
 * @throws {TrueupError} when it refuses
 */
export async function readSecret(id: string): Promise<Secret> {
  // Loaded here: most of the function's cold start would be the client's, and a token needs none.
  const { SecretsManager } = await import('@aws-sdk/client-secrets-manager');
  const client = new SecretsManager({
    maxAttempts: 3,
    requestHandler: within(5_000, 3_000),
  });
  const giveUp = Date.now() + PROPAGATION_MS;
  try {
    for (;;) {
      try {
        const { SecretString } = await client.getSecretValue({ SecretId: id });
        return parseSecret(SecretString ?? '', nameOf(id));
      } catch (error) {
        if (error instanceof TrueupError) throw error;
        const { name, $metadata } = error as Error & { $metadata?: { httpStatusCode?: number } };
        if (name === 'AccessDeniedException' && Date.now() + RETRY_MS < giveUp) await sleep(RETRY_MS);
        else throw refusedSecret(name, $metadata?.httpStatusCode, nameOf(id));
      }
    }
  } finally {
    client.destroy();
  }
}

/** The secrets of tenants are many, and their names stand in the list. The server's is one, and its ARN names an account. */
const nameOf = (id: string): string | null => (id.startsWith('arn:') ? null : id);

/**
 * As RDS writes it: JSON with `username` and `password`. Its text is in no message.
 * @param of its name, where it is a tenant's
 */
export function parseSecret(text: string, of: string | null = null): Secret {
  try {
    const { username, password } = JSON.parse(text) as Record<string, unknown>;
    if (typeof username === 'string' && typeof password === 'string') return { username, password };
  } catch {
    // Not JSON: the same as one without the keys.
  }
  throw new TrueupError({
    code: 'connection',
    message: `${of === null ? 'the secret' : `the secret ${of}`} is not JSON with the keys \`username\` and \`password\``,
    remedy:
      of === null
        ? 'Give the secret that RDS manages, or one of the same form.'
        : "Write them into it, as of the tenant's own login.",
  });
}

/** @param of the secret's name, where it is a tenant's */
export function refusedSecret(name: string, status: number | undefined, of: string | null = null): Error {
  if (status === undefined || status >= 500 || name === 'TimeoutError') {
    return new ConnectionLost(
      `Secrets Manager did not answer: ${name}; from isolated and from public subnets it needs its interface endpoint, with private DNS`,
    );
  }
  const denied = name === 'AccessDeniedException' || name === 'DecryptionFailure';
  return new TrueupError({
    code: denied ? 'privilege' : 'connection',
    message: `${of === null ? "the secret with the database's password" : `the secret ${of}`} could not be read (${name})`,
    remedy: denied
      ? "Allow the migrate function's role secretsmanager:GetSecretValue on it, and kms:Decrypt on its key."
      : of === null
        ? 'Check that the secret exists in this region and has a current version.'
        : 'Make it in this region, or restore it if it is marked for deletion; or take the tenant out of the list.',
  });
}

/** RDS takes a token for 15 minutes (https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.html). */
const TOKEN_S = 900;

/**
 * A password for a role that has been granted `rds_iam`: a signed request that is never sent. The same as what
 * `@aws-sdk/rds-signer` makes, which brings every credential provider along; Lambda has only the environment's.
 */
export async function signToken(
  address: { readonly host: string; readonly port: number; readonly user: string },
  env: NodeJS.ProcessEnv,
  signingDate = new Date(),
): Promise<string> {
  const signer = new SignatureV4({
    service: 'rds-db',
    region: env.AWS_REGION ?? '',
    sha256: Sha256,
    credentials: {
      accessKeyId: env.AWS_ACCESS_KEY_ID ?? '',
      secretAccessKey: env.AWS_SECRET_ACCESS_KEY ?? '',
      ...(env.AWS_SESSION_TOKEN ? { sessionToken: env.AWS_SESSION_TOKEN } : {}),
    },
  });
  const { host, port, user } = address;
  const request = new HttpRequest({
    method: 'GET',
    protocol: 'https:',
    hostname: host,
    port,
    query: { Action: 'connect', DBUser: user },
    headers: { host: `${host}:${port}` },
  });
  const { query } = await signer.presign(request, { expiresIn: TOKEN_S, signingDate });
  const parameters = Object.entries(query ?? {})
    .map(([key, value]) => `${encode(key)}=${encode(String(value))}`)
    .sort();
  return `${host}:${port}/?${parameters.join('&')}`;
}

/** RFC 3986, as signatures want it. */
const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
