/**
 * Finds the deployed function of a stack, which reaches a database in isolated subnets, and invokes it with the
 * caller's credentials.
 */
import { type ErrorInfo, TrueupError } from '../../../lambda/contract/errors';
import type { MigrateRequest, MigrateResponse } from '../../../lambda/contract/migrate';
import type { MigrateInvocation } from '../../../lambda/invoke-migrate';
import { hasOutput, readStackOutputs, requireOutput } from './stack-outputs';

/** Lambda's own limit (https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html). */
const TIMEOUTS = { answerMs: 15 * 60_000, connectMs: 10_000 };

export type CallFunction = (request: MigrateRequest) => Promise<MigrateResponse>;

/** `ask` only reads; `change` changes the database. */
export type FunctionUse = 'ask' | 'change';

const OUTPUTS = { ask: 'QueryFunction', change: 'MigrateFunction' } as const;
const GRANTS = { ask: 'grantQuery()', change: 'grantDeploy()' } as const;

/**
 * Returns the function of a stack for this use, so that callers who only read need no permission to change anything.
 * @param namespace one of the stack's schemas; required if there are several
 * @throws {UsageError} if the stack or its output does not exist
 */
export async function findMigrateFunction(
  stackName: string,
  use: FunctionUse,
  namespace?: string,
): Promise<CallFunction> {
  const outputs = await readStackOutputs(stackName);
  // A stack that an older version deployed has one function for both uses until its next deployment.
  const older = use === 'ask' && !hasOutput(outputs, OUTPUTS.ask) && hasOutput(outputs, OUTPUTS.change);
  if (older) {
    process.stderr.write(
      `note: ${stackName} was deployed by an older version of Trueup, which has one function for reading and changing. ` +
        'Your credentials must allow invoking that function. The next deployment adds a function that only reads.\n',
    );
  }
  const whatFor = 'It must be the stack that contains SchemaMigrations, with its outputs.';
  const used = older ? 'change' : use;
  const functionName = requireOutput(stackName, outputs, OUTPUTS[used], whatFor, namespace);
  return (request) => invokeMigrateFunction(functionName, request, GRANTS[used]);
}

/**
 * Invokes a function by name.
 * @throws {TrueupError} if the function cannot be invoked, crashes or returns an error
 */
export async function invokeMigrateFunction(
  functionName: string,
  request: MigrateRequest,
  grant: string,
): Promise<MigrateResponse> {
  // This loads the SDK's client.
  const { makeMigrateInvoker } = await import('./aws.js');
  const invocation = await makeMigrateInvoker(TIMEOUTS)(functionName, request);
  if (invocation.kind !== 'answered')
    throw new TrueupError(toInvocationError(functionName, invocation, grant));
  const { response } = invocation;
  if (response.action === 'error') throw new TrueupError(response.error);
  return response;
}

function toInvocationError(
  functionName: string,
  { kind, message }: Exclude<MigrateInvocation, { kind: 'answered' }>,
  grant: string,
): ErrorInfo {
  if (kind !== 'refused') {
    return {
      code: 'connection',
      message: `the function ${functionName} ${kind === 'died' ? `crashed (${message})` : `returned ${message}`}`,
      remedy: "Its log shows why. The command in the stack's output LogCommand follows the log.",
    };
  }
  const denied = /^\w*(AccessDenied|NotAuthorized)/.test(message);
  return {
    code: denied ? 'privilege' : 'connection',
    message: `the function ${functionName} could not be invoked (${message})`,
    remedy: denied
      ? `Your credentials need lambda:InvokeFunction on it: the construct has ${grant}.`
      : 'Check AWS_REGION, the credentials (AWS_PROFILE), and that no update of the stack is in progress.',
  };
}
