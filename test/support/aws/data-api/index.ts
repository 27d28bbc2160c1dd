/**
 * A local endpoint that speaks the RDS Data API (REST-JSON) in front of a real PostgreSQL and refuses what the service
 * refuses. Point the SDK at it with `endpoint` or AWS_ENDPOINT_URL_RDS_DATA. It checks no signatures.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { RDSDataClientConfig } from '@aws-sdk/client-rds-data';
import { DataApiService, DOCUMENTED_LIMITS, type Limits, type Secret } from './service';
import { ServiceError } from './service-error';

export interface DataApiEndpointOptions {
  readonly host: string;
  readonly port: number;
  /** User and password that the secret holds. */
  readonly secret: Secret;
  /** Other secrets, by ARN. @default - none */
  readonly secrets?: Readonly<Record<string, Secret>>;
  /** @default - what AWS documents */
  readonly limits?: Partial<Limits>;
  /** Where to listen on 127.0.0.1. @default - a free port */
  readonly listenPort?: number;
}

export interface DataApiEndpoint {
  readonly url: string;
  readonly clusterArn: string;
  readonly secretArn: string;
  /** For the SDK's client. */
  readonly clientConfig: RDSDataClientConfig;
  /** Calls so far, by path: `/Execute`, `/BeginTransaction`, … */
  readonly calls: Readonly<Record<string, number>>;
  /** The cluster pauses; the next call makes it resume, which takes this long. */
  pauseDatabase(resumeMs: number): void;
  /** The next calls fail like this, before anything runs. */
  failNext(
    type: string,
    message: string,
    options?: { readonly times?: number; readonly status?: number },
  ): void;
  close(): Promise<void>;
}

const CLUSTER_ARN = 'arn:aws:rds:us-east-1:000000000000:cluster:local';
const SECRET_ARN = 'arn:aws:secretsmanager:us-east-1:000000000000:secret:local';
/** Headers included, by the documentation; here without them. */
const REQUEST_BYTES = 4 * 1024 * 1024;

export async function startDataApi(options: DataApiEndpointOptions): Promise<DataApiEndpoint> {
  const service = new DataApiService({
    host: options.host,
    port: options.port,
    clusterArn: CLUSTER_ARN,
    secrets: { [SECRET_ARN]: options.secret, ...options.secrets },
    limits: { ...DOCUMENTED_LIMITS, ...options.limits },
  });
  const calls: Record<string, number> = {};
  const failures: ServiceError[] = [];
  let resume: { ms: number; at?: number } | undefined;

  const check = (): void => {
    const failure = failures.shift();
    if (failure) throw failure;
    if (!resume) return;
    resume.at ??= Date.now() + resume.ms;
    if (Date.now() >= resume.at) resume = undefined;
    else {
      throw new ServiceError(
        'DatabaseResumingException',
        'The Aurora DB instance db-LOCAL is resuming after being auto-paused. Please wait a few seconds and try again.',
      );
    }
  };

  const operations: Readonly<Record<string, (body: never) => Promise<object>>> = {
    '/Execute': (body) => service.executeStatement(body),
    '/BeginTransaction': (body) => service.beginTransaction(body),
    '/CommitTransaction': (body) => service.commitTransaction(body),
    '/RollbackTransaction': (body) => service.rollbackTransaction(body),
  };

  const server = createServer((request, response) => {
    const path = request.url ?? '';
    calls[path] = (calls[path] ?? 0) + 1;
    read(request)
      .then((body) => {
        const operation = operations[path];
        if (!operation) {
          throw new ServiceError('UnknownOperationException', `There is no ${path} here`, 404);
        }
        check();
        return operation(body as never);
      })
      .then(
        (answer) => reply(response, 200, answer),
        (error: unknown) => replyError(response, error),
      );
  });
  await new Promise<void>((ready, failed) =>
    server.once('error', failed).listen(options.listenPort ?? 0, '127.0.0.1', ready),
  );
  const url = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  return {
    url,
    clusterArn: CLUSTER_ARN,
    secretArn: SECRET_ARN,
    clientConfig: {
      endpoint: url,
      region: 'us-east-1',
      credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    },
    calls,
    pauseDatabase: (ms) => {
      resume = { ms };
    },
    failNext: (type, message, { times = 1, status = 400 } = {}) => {
      for (let i = 0; i < times; i++) failures.push(new ServiceError(type, message, status));
    },
    close: async () => {
      const closed = new Promise<void>((done) => server.close(() => done()));
      server.closeAllConnections();
      service.close();
      await closed;
    },
  };
}

async function read(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > REQUEST_BYTES)
      throw new ServiceError('BadRequestException', 'The request is larger than 4 MiB');
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8') || '{}');
  } catch {
    throw new ServiceError('SerializationException', 'The request is not JSON');
  }
}

function reply(
  response: ServerResponse,
  status: number,
  body: object,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

function replyError(response: ServerResponse, error: unknown): void {
  const known =
    error instanceof ServiceError
      ? error
      : new ServiceError('InternalServerErrorException', (error as Error).message, 500);
  reply(
    response,
    known.status,
    { message: known.message, ...known.members },
    { 'x-amzn-errortype': known.type },
  );
}
