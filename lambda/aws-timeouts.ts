/**
 * Returns the timeouts of an AWS client's request handler. Every client uses it: without `throwOnRequestTimeout` the
 * SDK only logs a warning when the time is up and the call never ends; without `socketTimeout` it waits forever for a
 * response that stops in the middle.
 */
export const buildRequestTimeouts = (requestTimeoutMs: number, connectionTimeoutMs = 5_000) => ({
  requestTimeout: requestTimeoutMs,
  connectionTimeout: connectionTimeoutMs,
  throwOnRequestTimeout: true,
  socketTimeout: requestTimeoutMs,
});
