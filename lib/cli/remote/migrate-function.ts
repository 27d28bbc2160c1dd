/** The deployed function that reaches a database in isolated subnets: found by its stack, invoked as the caller. */
import { within } from '../../../lambda/aws-timeouts';
import { TrueupError } from '../../../lambda/contract/errors';
import type { MigrateRequest, MigrateResponse } from '../../../lambda/contract/migrate';
import { hasOutput, outputOf, stackOutputs } from './stack-outputs';

/** Lambda's own limit (https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html). */
const TIMEOUT_MS = 15 * 60_000;

export type CallFunction = (request: MigrateRequest) => Promise<MigrateResponse>;

/** `ask`: what reads only. `change`: what changes the database. */
export type Use = 'ask' | 'change';

const OUTPUTS = { ask: 'AskFunction', change: 'MigrateFunction' } as const;
const GRANTS = { ask: 'grantAsk()', change: 'grantDeploy()' } as const;

/**
 * The function of a stack for this use: whoever may ask need not be able to change anything.
 * @param namespace which of the stack's schemas; needed where there are several
 * @throws {UsageError} when the stack or its output is not there
 */
export async function migrateFunction(
  stackName: string,
  use: Use,
  namespace?: string,
): Promise<CallFunction> {
  const outputs = await stackOutputs(stackName);
  // Until it is deployed again, a stack of an older version has one function for both.
  const older = use === 'ask' && !hasOutput(outputs, OUTPUTS.ask) && hasOutput(outputs, OUTPUTS.change);
  if (older) {
    process.stderr.write(
      `note: ${stackName} was deployed by an older version of Trueup, which has one function for reading and changing. ` +
        'That one is invoked, so your credentials must allow it. After the next deployment the stack has one that ' +
        'only reads.\n',
    );
  }
  const whatFor = 'It must be the stack that contains SchemaMigrations, with its outputs.';
  const used = older ? 'change' : use;
  const functionName = outputOf(stackName, outputs, OUTPUTS[used], whatFor, namespace);
  return (request) => invoke(functionName, request, GRANTS[used]);
}

/** @throws {TrueupError} when the function cannot be invoked, dies, or answers with an error */
async function invoke(
  functionName: string,
  request: MigrateRequest,
  grant: string,
): Promise<MigrateResponse> {
  const { Lambda } = await import('@aws-sdk/client-lambda');
  // One attempt: what changes the database is not begun a second time behind the caller's back.
  const client = new Lambda({
    maxAttempts: 1,
    requestHandler: within(TIMEOUT_MS, 10_000),
  });
  const { FunctionError, Payload } = await client
    .invoke({ FunctionName: functionName, Payload: JSON.stringify(request) })
    .catch((error: Error) => {
      throw notInvoked(functionName, error, grant);
    });
  const text = Buffer.from(Payload ?? []).toString('utf8');
  if (FunctionError !== undefined) throw died(functionName, text);
  const response = JSON.parse(text) as MigrateResponse;
  if (response.action === 'error') throw new TrueupError(response.error);
  return response;
}

function notInvoked(functionName: string, error: Error, grant: string): TrueupError {
  const denied = /AccessDenied|NotAuthorized/.test(error.name);
  return new TrueupError(
    {
      code: denied ? 'privilege' : 'connection',
      message: `the function ${functionName} could not be invoked (${error.name}: ${error.message})`,
      remedy: denied
        ? `Your credentials need lambda:InvokeFunction on it: the construct has ${grant}.`
        : 'Check AWS_REGION, the credentials (AWS_PROFILE), and whether the stack is being updated.',
    },
    { cause: error },
  );
}

/** Lambda's own words for the death of a process; others could quote anything. */
function died(functionName: string, payload: string): TrueupError {
  const type = payload.match(/"errorType":"([\w.]+)"/)?.[1] ?? 'an error';
  return new TrueupError({
    code: 'connection',
    message: `the function ${functionName} crashed (${type})`,
    remedy: "Its log says why; the stack's output LogCommand follows it.",
  });
}
