import type { MigrateInvocation } from '../../invoke-migrate';

/** Explains in a sentence for the page why an invocation of `migrate` did not answer the question. */
export function describeInvocationFailure(
  functionName: string,
  invocation: MigrateInvocation,
  askMs: number,
): string {
  if (invocation.kind !== 'answered')
    return `${functionName} did not answer within ${askMs / 1_000} seconds, or failed.`;
  const { response } = invocation;
  return response.action === 'error'
    ? `${response.error.message}. ${response.error.remedy}`
    : `${functionName} returned an unexpected response.`;
}
