/**
 * Signed requests of AWS's query protocol, for a few calls that only read: STS, RDS and EC2 answer them, and their SDK
 * clients are no dependencies of this project.
 */
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { Sha256 } from '@smithy/core/checksum';
import { HttpRequest } from '@smithy/core/protocols';
import { SignatureV4 } from '@smithy/signature-v4';

const VERSIONS = { sts: '2011-06-15', rds: '2014-10-31', ec2: '2016-11-15' } as const;
export type QueryService = keyof typeof VERSIONS;
const ANSWER_TIMEOUT_MS = 30_000;
const ATTEMPTS = 5;

export class QueryError extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
    this.name = code;
  }
}

function endpointOf(service: QueryService, region: string): URL {
  const given = process.env[`AWS_ENDPOINT_URL_${service.toUpperCase()}`] ?? process.env.AWS_ENDPOINT_URL;
  if (given) return new URL(given);
  return new URL(`https://${service}.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`);
}

/**
 * The text of the XML answer.
 * @throws {QueryError} when AWS refuses; throttling, 5xx and broken connections are tried again first
 */
export async function query(
  service: QueryService,
  region: string,
  action: string,
  parameters: Readonly<Record<string, string>> = {},
): Promise<string> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await once(service, region, action, parameters);
    } catch (error) {
      if (attempt === ATTEMPTS || !isTransient(error)) throw error;
      await new Promise((go) => setTimeout(go, 2 ** attempt * 250));
    }
  }
}

const isTransient = (error: unknown): boolean =>
  error instanceof QueryError
    ? /throttl|RequestLimitExceeded|ServiceUnavailable|InternalFailure|InternalError/i.test(error.code)
    : error instanceof TypeError || (error as Error).name === 'TimeoutError';

async function once(
  service: QueryService,
  region: string,
  action: string,
  parameters: Readonly<Record<string, string>>,
): Promise<string> {
  const { protocol, host, hostname, port } = endpointOf(service, region);
  const body = new URLSearchParams({ Action: action, Version: VERSIONS[service], ...parameters }).toString();
  const credentials = new CloudFormationClient({ region }).config.credentials;
  const signer = new SignatureV4({ service, region, credentials, sha256: Sha256 });
  const { headers } = await signer.sign(
    new HttpRequest({
      method: 'POST',
      protocol,
      hostname,
      port: port ? Number(port) : undefined,
      path: '/',
      headers: { host, 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
      body,
    }),
  );
  const response = await fetch(`${protocol}//${host}/`, {
    method: 'POST',
    headers,
    body,
    signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
  });
  const text = await response.text();
  if (response.ok) return text;
  throw new QueryError(
    element(text, 'Code') ?? `HTTP ${response.status}`,
    element(text, 'Message') ?? `${service} ${action}: HTTP ${response.status}`,
  );
}

/** The text of the first element of this name; null where there is none. */
export function element(xml: string, name: string): string | null {
  const [, text] = new RegExp(`<${name}>([\\s\\S]*?)</${name}>`).exec(xml) ?? [];
  return text === undefined ? null : decoded(text);
}

/** The inside of every element of this name, which must not be nested in itself. */
export const elements = (xml: string, name: string): string[] =>
  [...xml.matchAll(new RegExp(`<${name}>([\\s\\S]*?)</${name}>`, 'g'))].map(([, inside]) => inside!);

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };
const decoded = (text: string): string =>
  text.replace(/&(?:(lt|gt|amp|quot|apos)|#x([0-9a-f]+)|#(\d+));/gi, (_, name, hex, decimal) =>
    name
      ? ENTITIES[name.toLowerCase()]!
      : String.fromCodePoint(hex ? Number.parseInt(hex, 16) : Number(decimal)),
  );
