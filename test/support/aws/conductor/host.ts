/**
 * One execution environment of a Lambda function, as a process of its own: loads the handler, then answers invocations
 * that come in over the IPC channel, one at a time.
 *
 * Arguments: file of the handler's module, name of its export, port of the conductor.
 */
import http from 'node:http';
import https from 'node:https';

const [file = '', exported = '', port = ''] = process.argv.slice(2);

// The provider framework answers CloudFormation with a portless https request; the conductor listens on plain http.
https.request = ((options: http.RequestOptions, answered: (response: http.IncomingMessage) => void) =>
  http.request({ ...options, hostname: '127.0.0.1', port }, answered)) as typeof https.request;

interface Invocation {
  readonly event: unknown;
  readonly requestId: string;
  readonly deadlineMs: number;
}

const reply = (message: Record<string, unknown>): void => {
  process.send?.(message);
};

/** As Lambda's Node.js runtime describes what a handler threw. */
function describe(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { errorType: typeof error, errorMessage: String(error), trace: [] };
  return { errorType: error.name, errorMessage: error.message, trace: (error.stack ?? '').split('\n') };
}

async function main(): Promise<void> {
  const loaded = performance.now();
  const module = require(file) as Record<string, (event: unknown, context: object) => Promise<unknown>>;
  const handler = module[exported];
  if (typeof handler !== 'function') throw new Error(`${exported} is undefined or not exported`);
  process.on('message', ({ event, requestId, deadlineMs }: Invocation) => {
    const context = { awsRequestId: requestId, getRemainingTimeInMillis: () => deadlineMs - Date.now() };
    Promise.resolve()
      .then(() => handler(event, context))
      .then((result) => reply({ payload: JSON.stringify(result ?? null) }))
      .catch((error) => {
        // As Lambda's runtime does.
        console.error(error);
        reply({ payload: JSON.stringify(describe(error)), error: true });
      });
  });
  reply({ ready: true, importMs: performance.now() - loaded });
}

process.on('disconnect', () => process.exit());
main().catch((error) => {
  process.send?.({ failed: JSON.stringify(describe(error)) }, () => process.exit(1));
});
