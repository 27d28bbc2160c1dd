import type { Invocation } from '../../invoke-migrate';

/** Why an invocation of `migrate` brought no answer to the question asked, as a sentence of a page. */
export function notAnswered(functionName: string, invocation: Invocation, askMs: number): string {
  if (invocation.kind !== 'answered')
    return `${functionName} did not answer within ${askMs / 1_000} seconds, or died.`;
  const { response } = invocation;
  return response.action === 'error'
    ? `${response.error.message}. ${response.error.remedy}`
    : `${functionName} answered something else.`;
}
