/** `migrate` is invoked: by a deployment, for a page, and from the command line. */
import { Lambda } from '@aws-sdk/client-lambda';
import { within } from './aws-timeouts';
import type { MigrateRequest, MigrateResponse } from './contract/migrate';

/** How an invocation of `migrate` ended. */
export type Invocation =
  | { readonly kind: 'answered'; readonly response: MigrateResponse }
  /** The process ended, threw, or ran into its timeout. */
  | { readonly kind: 'died'; readonly message: string }
  /** Nothing came back for longer than the function can run. */
  | { readonly kind: 'silent'; readonly message: string }
  /**
   * Lambda did not take the call. `lasting`: it will not later either (no such function, no right to call it), once what
   * the deployment itself gave holds everywhere.
   */
  | { readonly kind: 'refused'; readonly message: string; readonly lasting: boolean };

/** Never throws. */
export type InvokeMigrate = (functionName: string, request: MigrateRequest) => Promise<Invocation>;

export interface InvokeTimeouts {
  /** After which nothing more is expected of an invocation. */
  readonly answerMs: number;
  /** @default - 5,000 ms */
  readonly connectMs?: number;
}

/** Invokes once: the SDK would do it again by itself, and nobody would count it. */
export function migrateInvoker({ answerMs, connectMs }: InvokeTimeouts): InvokeMigrate {
  const lambda = new Lambda({ maxAttempts: 1, requestHandler: within(answerMs, connectMs) });
  return async (functionName, request) => {
    try {
      const answer = await lambda.invoke({ FunctionName: functionName, Payload: JSON.stringify(request) });
      const payload = answer.Payload ? Buffer.from(answer.Payload).toString('utf8') : '';
      return answer.FunctionError === undefined ? answered(payload) : died(payload);
    } catch (error) {
      return notTaken(error as Error, answerMs);
    }
  };
}

function answered(payload: string): Invocation {
  try {
    const response = JSON.parse(payload) as MigrateResponse | null;
    if (response !== null && typeof response === 'object' && 'action' in response)
      return { kind: 'answered', response };
  } catch {
    // Not JSON: the same as an answer of another kind.
  }
  return { kind: 'died', message: 'its answer does not have the expected form' };
}

/** Lambda's description of the death; a message of unknown code could quote anything, so only its own words are kept. */
function died(payload: string): Invocation {
  let type = 'an error';
  let text = '';
  try {
    const { errorType, errorMessage } = JSON.parse(payload) as Record<string, unknown>;
    if (typeof errorType === 'string') type = errorType;
    if (typeof errorMessage === 'string') text = errorMessage;
  } catch {
    // Lambda gave no description.
  }
  const known = text.match(
    /Task timed out after [\d.]+ seconds|Runtime exited .{0,80}|Cannot find module '[^']*'/,
  );
  return { kind: 'died', message: known ? `${type}: ${known[0]}` : type };
}

/** Errors of Invoke that the next call would meet again (https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html). */
const LASTING = new Set([
  'AccessDeniedException',
  'ResourceNotFoundException',
  'InvalidRuntimeException',
  'InvalidSecurityGroupIDException',
  'InvalidSubnetIDException',
  'InvalidZipFileException',
  'KMSAccessDeniedException',
  'KMSDisabledException',
  'KMSNotFoundException',
  'RequestTooLargeException',
]);

function notTaken(error: Error, answerTimeoutMs: number): Invocation {
  if (error.name === 'TimeoutError') {
    return { kind: 'silent', message: `no answer for ${Math.round(answerTimeoutMs / 1000)} s` };
  }
  return { kind: 'refused', message: `${error.name}: ${error.message}`, lasting: LASTING.has(error.name) };
}
