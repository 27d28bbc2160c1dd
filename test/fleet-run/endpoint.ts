/** AWS as the fleet's function reaches it, for the real SDK: the stand-in's bucket, runs and servers behind HTTP, with faults. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { MigrateRequest } from '../../lambda/contract/migrate';
import { makeAwsFleet } from '../../lambda/fleet-run/fleet-outbound';
import { makeMigrateInvoker } from '../../lambda/invoke-migrate';
import type { StandIn } from './stand-in';

/** How a call is answered instead; `cut`: the body ends before its length, `stalls`: it never ends. */
export type Fault =
  | { readonly status: number; readonly code: string }
  | { readonly body: string; readonly as?: 'cut' | 'stalls'; readonly bytes?: number };

/** @param call e.g. `GetObject latest/new.json`, `StartExecution r`, `Invoke f-main list-tenants` */
export type Faults = (call: string) => Fault | undefined;

const MACHINE = 'arn:aws:states:us-east-1:111122223333:stateMachine:fleet';

export class Endpoint {
  faults: Faults = () => undefined;
  readonly calls: string[] = [];
  private readonly server = createServer((request, response) => {
    void this.answer(request, response).catch((error: Error) => response.destroy(error));
  });

  /** @param aws whose bucket, runs and servers answer; asked for at each call */
  constructor(private readonly aws: () => StandIn) {}

  async listen(): Promise<string> {
    await new Promise<void>((ready) => this.server.listen(0, '127.0.0.1', ready));
    return `http://127.0.0.1:${(this.server.address() as { port: number }).port}`;
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    const asked = callOf(request, body);
    this.calls.push(asked.call);
    const fault = this.faults(asked.call);
    if (fault && 'code' in fault) return fail(response, asked.service, fault);
    if (fault) return send(response, fault);
    try {
      response.end(await this.perform(asked));
    } catch (error) {
      fail(response, asked.service, { status: 404, code: (error as Error).message });
    }
  }

  private async perform({ service, verb, name, input, body }: Asked): Promise<string> {
    const { bucket, executions } = this.aws().inside;
    if (service === 's3') {
      if (verb === 'PutObject') await bucket.put(name, body);
      const text = verb === 'PutObject' ? '' : await bucket.get(name);
      if (text === null) throw new Error('NoSuchKey');
      return text;
    }
    if (service === 'lambda') {
      const invoked = await this.aws().inside.invokeMigrate(name, JSON.parse(body) as MigrateRequest);
      return JSON.stringify(invoked.kind === 'answered' ? invoked.response : {});
    }
    if (verb === 'StartExecution') {
      await executions.start(name, JSON.parse(String(input.input)));
      return JSON.stringify({ executionArn: name, startDate: 0 });
    }
    if (verb === 'DescribeExecution') {
      const execution = await executions.describe(name);
      if (execution === null) throw new Error('ExecutionDoesNotExist');
      const { status, error } = execution;
      return JSON.stringify({
        executionArn: name,
        status,
        startDate: 0,
        ...(error === null ? {} : { error }),
      });
    }
    if (verb === 'StopExecution') {
      await executions.stop(name, '');
      return JSON.stringify({ stopDate: 0 });
    }
    const running = await executions.running();
    // A page each, so that none is all of them.
    const at = Number(input.nextToken ?? 0);
    return JSON.stringify({
      executions: running.slice(at, at + 1).map((each) => ({ name: each, status: 'RUNNING' })),
      ...(at + 1 < running.length ? { nextToken: String(at + 1) } : {}),
    });
  }
}

interface Asked {
  readonly service: 's3' | 'lambda' | 'states';
  readonly verb: string;
  readonly name: string;
  readonly call: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly body: string;
}

function callOf(request: IncomingMessage, body: string): Asked {
  const path = decodeURIComponent((request.url ?? '').split('?')[0]!);
  const target = String(request.headers['x-amz-target'] ?? '');
  const invoked = path.match(/^\/2015-03-31\/functions\/([^/]+)\/invocations$/);
  const of = (service: Asked['service'], verb: string, name: string, more = ''): Asked => {
    const input = service === 'states' ? (JSON.parse(body) as Asked['input']) : {};
    return { service, verb, name, call: `${verb} ${name}${more}`, input, body };
  };
  if (target.startsWith('AWSStepFunctions.')) {
    const { name, executionArn = '' } = JSON.parse(body) as Record<string, string>;
    return of('states', target.split('.')[1]!, name ?? executionArn.split(':').at(-1)!);
  }
  if (invoked) return of('lambda', 'Invoke', invoked[1]!, ` ${(JSON.parse(body) as MigrateRequest).action}`);
  const key = path.split('/').slice(2).join('/');
  return of('s3', request.method === 'PUT' ? 'PutObject' : 'GetObject', key);
}

function fail(
  response: ServerResponse,
  service: Asked['service'],
  { status, code }: { readonly status: number; readonly code: string },
): void {
  const message = 'what AWS says to it';
  if (service === 's3')
    response.writeHead(status).end(`<Error><Code>${code}</Code><Message>${message}</Message></Error>`);
  else
    response
      .writeHead(status === 404 ? 400 : status, { 'x-amzn-errortype': code })
      .end(JSON.stringify({ __type: code, message }));
}

function send(response: ServerResponse, { body, as, bytes }: Extract<Fault, { body: string }>): void {
  const length = bytes ?? Buffer.byteLength(body) + (as === undefined ? 0 : 10);
  response.writeHead(200, { 'content-length': length });
  if (as === undefined && bytes === undefined) return void response.end(body);
  response.write(body, () => as === 'cut' && response.destroy());
}

/** What the deployed function would be given; `AWS_ENDPOINT_URL` names the endpoint. */
/** @param timeoutMs of a call. @default - as it is deployed */
export const overHttp = (aws: StandIn, timeoutMs?: number) =>
  makeAwsFleet(
    { bucket: 'lists', stateMachine: MACHINE, functions: {}, stackId: '', owner: '', queryOnly: false },
    {
      stackStatus: aws.inside.stackStatus,
      stackEvents: aws.inside.stackEvents,
      invokeMigrate: makeMigrateInvoker({ answerMs: 5_000 }),
    },
    timeoutMs,
  );
