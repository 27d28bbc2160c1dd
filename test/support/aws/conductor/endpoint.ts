/** The AWS API, as far as the handlers and the framework use it, for the real SDK: on one port of this machine. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

/** Thrown by a service: how the SDK is told. */
export class ServiceError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

export interface Services {
  /** Undefined: no answer, ever. */
  invoke(
    functionName: string,
    payload: string,
    wait: boolean,
  ): Promise<{ payload: string; functionError: boolean } | undefined>;
  getFunction(functionName: string): object;
  startExecution(input: string): { executionArn: string };
  getSecretValue(id: string): string;
  /** `parameters` as in the query protocol; the answer is the XML of the result. */
  cloudFormation(action: string, parameters: URLSearchParams): string;
  /** The PUT to the response URL. */
  respond(token: string, body: string): void;
}

/** @param services asked for at each request */
export async function listen(services: () => Services): Promise<{ server: Server; port: number }> {
  const server = createServer((request, response) => {
    answer(services(), request, response).catch((error) => fail(request, response, error));
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  return { server, port: (server.address() as { port: number }).port };
}

async function answer(services: Services, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks).toString('utf8');
  const path = decodeURIComponent((request.url ?? '/').split('?')[0]!);
  const target = String(request.headers['x-amz-target'] ?? '');
  const json = (value: unknown): void => {
    response.setHeader('content-type', 'application/x-amz-json-1.1').end(JSON.stringify(value));
  };
  const functionPath = path.match(/^\/2015-03-31\/functions\/([^/]+)(\/invocations)?$/);
  if (request.method === 'PUT' && path.startsWith('/response/')) {
    services.respond(path.slice('/response/'.length), body);
    response.end();
  } else if (functionPath?.[2]) {
    const wait = request.headers['x-amz-invocation-type'] !== 'Event';
    const answered = await services.invoke(functionPath[1]!, body, wait);
    if (!answered) return;
    if (answered.functionError) response.setHeader('x-amz-function-error', 'Unhandled');
    response.writeHead(wait ? 200 : 202).end(answered.payload);
  } else if (functionPath) {
    json(services.getFunction(functionPath[1]!));
  } else if (target === 'AWSStepFunctions.StartExecution') {
    json({ ...services.startExecution(JSON.parse(body).input), startDate: Date.now() / 1000 });
  } else if (target === 'secretsmanager.GetSecretValue') {
    const { SecretId } = JSON.parse(body);
    json({ ARN: SecretId, Name: SecretId, SecretString: services.getSecretValue(SecretId) });
  } else if (body.startsWith('Action=') || body.includes('&Action=')) {
    const parameters = new URLSearchParams(body);
    const action = parameters.get('Action')!;
    const result = services.cloudFormation(action, parameters);
    response
      .setHeader('content-type', 'text/xml')
      .end(
        `<${action}Response xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/">` +
          `<${action}Result>${result}</${action}Result></${action}Response>`,
      );
  } else throw new ServiceError(400, 'UnknownOperationException', `${request.method} ${path} ${target}`);
}

function fail(request: IncomingMessage, response: ServerResponse, error: Error): void {
  const { status, code } = error instanceof ServiceError ? error : { status: 500, code: 'ServiceException' };
  if (response.headersSent) {
    response.destroy();
  } else if (request.headers['content-type']?.includes('x-www-form-urlencoded')) {
    response
      .writeHead(status, { 'content-type': 'text/xml' })
      .end(
        `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${escapeXml(error.message)}</Message></Error></ErrorResponse>`,
      );
  } else {
    response
      .writeHead(status, { 'content-type': 'application/json', 'x-amzn-errortype': code })
      .end(JSON.stringify({ __type: code, message: error.message, Message: error.message }));
  }
}

export const escapeXml = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
