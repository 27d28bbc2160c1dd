/** Outgoing calls besides the database connection: reads secrets from Secrets Manager and signs IAM tokens. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Sha256 } from '@smithy/core/checksum';
import { HttpRequest } from '@smithy/core/protocols';
import { SignatureV4 } from '@smithy/signature-v4';
import { buildRequestTimeouts } from '../aws-timeouts';
import { TrueupError } from '../contract/errors';
import { ConnectionLostError } from '../postgres/database';

export interface LoginSecret {
  readonly username: string;
  readonly password: string;
}

/** Time that IAM permissions created by the same deployment may take to propagate. */
const IAM_PROPAGATION_MS = 20_000;
const RETRY_MS = 4_000;

/**
 * Reads a login from Secrets Manager.
 * @param id an ARN, or the name of a tenant's own secret
 * @throws {ConnectionLostError} if Secrets Manager cannot be reached, which is worth a retry
 * @throws {TrueupError} if it refuses the request
 */
export async function readSecret(id: string): Promise<LoginSecret> {
  // Imported here because the client would dominate the cold start, and a token does not need it.
  const { SecretsManager } = await import('@aws-sdk/client-secrets-manager');
  const client = new SecretsManager({
    maxAttempts: 3,
    requestHandler: buildRequestTimeouts(5_000, 3_000),
  });
  const giveUp = Date.now() + IAM_PROPAGATION_MS;
  try {
    for (;;) {
      try {
        const { SecretString } = await client.getSecretValue({ SecretId: id });
        return parseSecret(SecretString ?? '', readSecretName(id));
      } catch (error) {
        if (error instanceof TrueupError) throw error;
        const { name, $metadata } = error as Error & { $metadata?: { httpStatusCode?: number } };
        if (name === 'AccessDeniedException' && Date.now() + RETRY_MS < giveUp) await sleep(RETRY_MS);
        else throw makeRefusedSecretError(name, $metadata?.httpStatusCode, readSecretName(id));
      }
    }
  } finally {
    client.destroy();
  }
}

/**
 * Returns the name to show in messages. A tenant's secret is named, as it is in the target list. The server has only
 * one secret, and its ARN would reveal the account, so it is not named.
 */
const readSecretName = (id: string): string | null => (id.startsWith('arn:') ? null : id);

/**
 * Parses a secret as RDS writes it: JSON with `username` and `password`. Messages never contain its text.
 * @param of the secret's name, if it belongs to a tenant
 */
export function parseSecret(text: string, of: string | null = null): LoginSecret {
  try {
    const { username, password } = JSON.parse(text) as Record<string, unknown>;
    if (typeof username === 'string' && typeof password === 'string') return { username, password };
  } catch {
    // Invalid JSON is treated like JSON without the keys.
  }
  throw new TrueupError({
    code: 'connection',
    message: `${of === null ? 'the secret' : `the secret ${of}`} is not JSON with the keys \`username\` and \`password\``,
    remedy:
      of === null
        ? 'Give the secret that RDS manages, or one of the same form.'
        : "Put the name and the password of the tenant's own login into it.",
  });
}

/** @param of the secret's name, if it belongs to a tenant */
export function makeRefusedSecretError(
  name: string,
  status: number | undefined,
  of: string | null = null,
): Error {
  if (status === undefined || status >= 500 || name === 'TimeoutError') {
    return new ConnectionLostError(
      `Secrets Manager did not answer: ${name}; isolated and public subnets need an interface endpoint for it, with private DNS`,
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
        : 'Create it in this region, or restore it if it is marked for deletion; or take the tenant out of the list.',
  });
}

/**
 * RDS accepts a token for 15 minutes
 * (https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.html).
 */
const TOKEN_LIFETIME_S = 900;

/**
 * Returns the password for a role that has been granted `rds_iam`: a signed request that is never sent. It equals the
 * token of `@aws-sdk/rds-signer`, which would add all credential providers to the bundle; Lambda only needs the
 * environment's.
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
  const { query } = await signer.presign(request, { expiresIn: TOKEN_LIFETIME_S, signingDate });
  const parameters = Object.entries(query ?? {})
    .map(([key, value]) => `${encodeRfc3986(key)}=${encodeRfc3986(String(value))}`)
    .sort();
  return `${host}:${port}/?${parameters.join('&')}`;
}

/** Percent-encodes as in RFC 3986, which signatures require. */
const encodeRfc3986 = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
