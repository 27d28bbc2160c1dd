/** Asks the database of a stack through its deployed function, since nobody reaches an isolated subnet. */
import { TrueupError } from '../../lambda/engine/errors';
import type { MigrateResponse } from '../../lambda/migrate/protocol';
import type { Ask } from './explain';
import { stackOutput } from './stack-outputs';

const TIMEOUT_MS = 60_000;

export function askStack(stackName: string): Ask {
  return async (questions) => {
    if (questions.length === 0) return [];
    const functionName = await stackOutput(
      stackName,
      'MigrateFunction',
      'It is the stack that holds SchemaMigrations, with its outputs.',
    );
    const response = await invoke(functionName, { action: 'diagnose', questions });
    if (response.action === 'diagnose') return response.diagnoses;
    if (response.action === 'error') throw new TrueupError(response.error);
    throw new Error(`${functionName} answered ${response.action}`);
  };
}

async function invoke(functionName: string, request: unknown): Promise<MigrateResponse> {
  const { InvokeCommand, LambdaClient } = await import('@aws-sdk/client-lambda');
  const client = new LambdaClient({
    maxAttempts: 1,
    requestHandler: { requestTimeout: TIMEOUT_MS, connectionTimeout: 5_000, throwOnRequestTimeout: true },
  });
  const { Payload, FunctionError } = await client.send(
    new InvokeCommand({ FunctionName: functionName, Payload: JSON.stringify(request) }),
  );
  const text = Buffer.from(Payload ?? []).toString('utf8');
  if (FunctionError === undefined) return JSON.parse(text) as MigrateResponse;
  throw new TrueupError({
    code: 'connection',
    message: `the function ${functionName} died (${FunctionError})`,
    remedy: 'Its log says why.',
  });
}
