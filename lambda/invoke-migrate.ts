/** Invokes `migrate` for a deployment, for a page, or from the command line. */
import { Lambda } from '@aws-sdk/client-lambda';
import { buildRequestTimeouts } from './aws-timeouts';
import type { MigrateRequest, MigrateResponse } from './contract/migrate';

/** How an invocation of `migrate` ended. */
export type MigrateInvocation =
  | { readonly kind: 'answered'; readonly response: MigrateResponse }
  /** The process exited, threw an error, or ran into its timeout. */
  | { readonly kind: 'died'; readonly message: string }
  /** No response arrived for longer than the function can run. */
  | { readonly kind: 'silent'; readonly message: string }
  /**
   * Lambda did not accept the call. `lasting` means that retrying will not help (no such function, no permission to
   * call it), once IAM permissions created by the same deployment have propagated.
   */
  | { readonly kind: 'refused'; readonly message: string; readonly lasting: boolean };

/** Invokes the function once. Never throws. */
export type InvokeMigrate = (functionName: string, request: MigrateRequest) => Promise<MigrateInvocation>;

export interface InvokeTimeouts {
  /** Time after which a response is no longer expected. */
  readonly answerMs: number;
  /** Connection timeout. @default - 5,000 ms */
  readonly connectMs?: number;
}

/**
 * Returns an invoker that calls the function once. The SDK's own retries are off, because they would start invocations
 * that the caller does not count.
 */
export function makeMigrateInvoker({ answerMs, connectMs }: InvokeTimeouts): InvokeMigrate {
  const lambda = new Lambda({ maxAttempts: 1, requestHandler: buildRequestTimeouts(answerMs, connectMs) });
  return async (functionName, request) => {
    try {
      const answer = await lambda.invoke({ FunctionName: functionName, Payload: JSON.stringify(request) });
      const payload = answer.Payload ? Buffer.from(answer.Payload).toString('utf8') : '';
      return answer.FunctionError === undefined ? parseAnswer(payload) : parseFunctionError(payload);
    } catch (error) {
      return classifyInvokeError(error as Error, answerMs);
    }
  };
}

function parseAnswer(payload: string): MigrateInvocation {
  try {
    const response = JSON.parse(payload) as MigrateResponse | null;
    if (response !== null && typeof response === 'object' && 'action' in response)
      return { kind: 'answered', response };
  } catch {
    // Not JSON: treated like a response of an unknown form.
  }
  return { kind: 'died', message: 'its answer does not have the expected form' };
}

/**
 * Extracts Lambda's description of the failure. An error message from unknown code could contain anything, so only
 * Lambda's own wording is kept.
 */
function parseFunctionError(payload: string): MigrateInvocation {
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

/** Errors of Invoke that a retry would hit again (https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html). */
const PERMANENT_ERRORS = new Set([
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

function classifyInvokeError(error: Error, answerTimeoutMs: number): MigrateInvocation {
  if (error.name === 'TimeoutError') {
    return { kind: 'silent', message: `no answer for ${Math.round(answerTimeoutMs / 1000)} s` };
  }
  return {
    kind: 'refused',
    message: `${error.name}: ${error.message}`,
    lasting: PERMANENT_ERRORS.has(error.name),
  };
}
