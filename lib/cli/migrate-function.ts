/** The deployed function that reaches a database in isolated subnets: found by its stack, invoked as the caller. */
import { TrueupError } from '../../lambda/engine/errors';
import type { MigrateRequest, MigrateResponse } from '../../lambda/migrate/protocol';
import { stackOutput } from './stack-outputs';

/** Lambda's own limit (https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html). */
const TIMEOUT_MS = 15 * 60_000;

export type AskFunction = (request: MigrateRequest) => Promise<MigrateResponse>;

/**
 * @param namespace which of the stack's schemas; needed where there are several
 * @throws {UsageError} when the stack or its output is not there
 */
export async function migrateFunction(stackName: string, namespace?: string): Promise<AskFunction> {
  const functionName = await stackOutput(
    stackName,
    'MigrateFunction',
    'It is the stack that holds SchemaMigrations, with its outputs.',
    namespace,
  );
  return (request) => invoke(functionName, request);
}

/** @throws {TrueupError} when the function cannot be invoked, dies, or answers with an error */
async function invoke(functionName: string, request: MigrateRequest): Promise<MigrateResponse> {
  const { Lambda } = await import('@aws-sdk/client-lambda');
  // One attempt: what changes the database is not begun a second time behind the caller's back.
  const client = new Lambda({
    maxAttempts: 1,
    requestHandler: { requestTimeout: TIMEOUT_MS, connectionTimeout: 10_000, throwOnRequestTimeout: true },
  });
  const { FunctionError, Payload } = await client
    .invoke({ FunctionName: functionName, Payload: JSON.stringify(request) })
    .catch((error: Error) => {
      throw notInvoked(functionName, error);
    });
  const text = Buffer.from(Payload ?? []).toString('utf8');
  if (FunctionError !== undefined) throw died(functionName, text);
  const response = JSON.parse(text) as MigrateResponse;
  if (response.action === 'error') throw new TrueupError(response.error);
  return response;
}

function notInvoked(functionName: string, error: Error): TrueupError {
  const denied = /AccessDenied|NotAuthorized/.test(error.name);
  return new TrueupError(
    {
      code: denied ? 'privilege' : 'connection',
      message: `the function ${functionName} could not be invoked (${error.name}: ${error.message})`,
      remedy: denied
        ? 'Your credentials need lambda:InvokeFunction on it: the construct has grantInvoke().'
        : 'Look at AWS_REGION, at the credentials (AWS_PROFILE), and whether the stack is being changed.',
    },
    { cause: error },
  );
}

/** Lambda's own words for the death of a process; others could quote anything. */
function died(functionName: string, payload: string): TrueupError {
  const type = payload.match(/"errorType":"([\w.]+)"/)?.[1] ?? 'an error';
  return new TrueupError({
    code: 'connection',
    message: `the function ${functionName} died (${type})`,
    remedy: "Its log says why; the stack's output LogCommand follows it.",
  });
}
