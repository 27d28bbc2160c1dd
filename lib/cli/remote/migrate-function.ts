/** The deployed function that reaches a database in isolated subnets: found by its stack, invoked as the caller. */
import { type ErrorInfo, TrueupError } from '../../../lambda/contract/errors';
import type { MigrateRequest, MigrateResponse } from '../../../lambda/contract/migrate';
import type { Invocation } from '../../../lambda/invoke-migrate';
import { hasOutput, outputOf, stackOutputs } from './stack-outputs';

/** Lambda's own limit (https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html). */
const TIMEOUTS = { answerMs: 15 * 60_000, connectMs: 10_000 };

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
  return (request) => invokeNamed(functionName, request, GRANTS[used]);
}

/** @throws {TrueupError} when the function cannot be invoked, dies, or answers with an error */
export async function invokeNamed(
  functionName: string,
  request: MigrateRequest,
  grant: string,
): Promise<MigrateResponse> {
  // Loads the SDK's client.
  const { migrateInvoker } = await import('../../../lambda/invoke-migrate.js');
  const invocation = await migrateInvoker(TIMEOUTS)(functionName, request);
  if (invocation.kind !== 'answered') throw new TrueupError(withoutAnswer(functionName, invocation, grant));
  const { response } = invocation;
  if (response.action === 'error') throw new TrueupError(response.error);
  return response;
}

function withoutAnswer(
  functionName: string,
  { kind, message }: Exclude<Invocation, { kind: 'answered' }>,
  grant: string,
): ErrorInfo {
  if (kind !== 'refused') {
    return {
      code: 'connection',
      message: `the function ${functionName} ${kind === 'died' ? `crashed (${message})` : `gave ${message}`}`,
      remedy: "Its log says why; the stack's output LogCommand follows it.",
    };
  }
  const denied = /^\w*(AccessDenied|NotAuthorized)/.test(message);
  return {
    code: denied ? 'privilege' : 'connection',
    message: `the function ${functionName} could not be invoked (${message})`,
    remedy: denied
      ? `Your credentials need lambda:InvokeFunction on it: the construct has ${grant}.`
      : 'Check AWS_REGION, the credentials (AWS_PROFILE), and whether the stack is being updated.',
  };
}
