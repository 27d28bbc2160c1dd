/** Tokens and secrets: against the SDK's own signer, and against an endpoint that the real client talks to. */
import { Signer } from '@aws-sdk/rds-signer';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { parseSecret, readSecret, signToken } from '../../lambda/migrate/credentials';
import { listen, ServiceError, type Services } from '../support/aws/conductor/endpoint';

const ARN = 'arn:aws:secretsmanager:us-east-1:111122223333:secret:x-AbCdEf';
let secret: () => string = () => '';
let close: () => void;

beforeAll(async () => {
  const { server, port } = await listen(() => ({ getSecretValue: () => secret() }) as unknown as Services);
  close = () => {
    server.closeAllConnections();
    server.close();
  };
  vi.stubEnv('AWS_ENDPOINT_URL', `http://127.0.0.1:${port}`);
  vi.stubEnv('AWS_REGION', 'us-east-1');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDEXAMPLE');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY');
});
afterAll(() => {
  close();
  vi.unstubAllEnvs();
});

test.each([undefined, 'session/token+with=signs'])(
  'the same token as the SDK makes (session: %s)',
  async (sessionToken) => {
    const address = { host: 'shop.abc.eu-central-1.rds.amazonaws.com', port: 5432, user: 'migrator+1@x' };
    const env = {
      AWS_REGION: 'eu-central-1',
      AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
      AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
      AWS_SESSION_TOKEN: sessionToken,
    };
    vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2026, 0, 1, 12) });
    try {
      const signer = new Signer({
        hostname: address.host,
        port: address.port,
        username: address.user,
        region: env.AWS_REGION,
        credentials: {
          accessKeyId: env.AWS_ACCESS_KEY_ID,
          secretAccessKey: env.AWS_SECRET_ACCESS_KEY,
          ...(sessionToken === undefined ? {} : { sessionToken }),
        },
      });
      expect(await signToken(address, env)).toBe(await signer.getAuthToken());
    } finally {
      vi.useRealTimers();
    }
  },
);

test('a secret as RDS writes it', async () => {
  secret = () => JSON.stringify({ engine: 'postgres', host: 'h', username: 'u', password: 'p"\\' });
  expect(await readSecret(ARN)).toEqual({ username: 'u', password: 'p"\\' });
});

test.each(['hunter2', '{"username":"u"}', '[]', 'null', ''])(
  'a secret of another form is not repeated: %s',
  (text) => {
    expect(() => parseSecret(text)).toThrow('the secret is not JSON with the keys `username` and `password`');
  },
);

test('a right that does not hold everywhere yet is waited for', async () => {
  let asked = 0;
  secret = () => {
    if (++asked === 1) throw new ServiceError(400, 'AccessDeniedException', 'not yet');
    return JSON.stringify({ username: 'u', password: 'p' });
  };
  expect(await readSecret(ARN)).toEqual({ username: 'u', password: 'p' });
  expect(asked).toBe(2);
});

test("of a tenant's secret the name is said, and what to do with it; never its text", async () => {
  secret = () => {
    throw new ServiceError(400, 'ResourceNotFoundException', 'gone');
  };
  await expect(readSecret('acme/tenants/globex')).rejects.toMatchObject({
    info: {
      message: 'the secret acme/tenants/globex could not be read (ResourceNotFoundException)',
      remedy: expect.stringContaining('take the tenant out of the list'),
    },
  });
  secret = () => 'hunter2';
  const refused: Error = await readSecret('acme/tenants/globex').then(
    () => new Error('it was taken'),
    (error) => error,
  );
  expect(refused.message).toBe(
    'the secret acme/tenants/globex is not JSON with the keys `username` and `password`',
  );
  expect(JSON.stringify(refused)).not.toContain('hunter2');
});

test('what will not pass is an error of ours; what may is a lost connection', async () => {
  secret = () => {
    throw new ServiceError(400, 'ResourceNotFoundException', 'gone');
  };
  await expect(readSecret(ARN)).rejects.toMatchObject({ name: 'TrueupError', info: { code: 'connection' } });
  secret = () => {
    throw new ServiceError(500, 'InternalServiceError', 'oops');
  };
  await expect(readSecret(ARN)).rejects.toMatchObject({
    name: 'ConnectionLostError',
    message: expect.stringContaining('need an interface endpoint'),
  });
});
