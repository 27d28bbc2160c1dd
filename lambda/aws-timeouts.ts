/**
 * How long a call of AWS may take. Every client has it: without `throwOnRequestTimeout` the SDK only writes a warning when
 * the time is up, and the call never ends; without `socketTimeout` an answer that stops in the middle is waited for for ever.
 */
export const within = (requestTimeoutMs: number, connectionTimeoutMs = 5_000) => ({
  requestTimeout: requestTimeoutMs,
  connectionTimeout: connectionTimeoutMs,
  throwOnRequestTimeout: true,
  socketTimeout: requestTimeoutMs,
});
