/** Decides from the receiver's response whether a page was delivered. Pure. */

/**
 * The outcome of a delivery.
 * - `delivered`
 * - `refused`: the receiver would refuse the same request again
 * - `later`: the receiver is busy or broken
 */
export type DeliveryOutcome = 'delivered' | 'refused' | 'later';

/**
 * Classifies a status. PagerDuty: 202 accepted, 400 "invalid, do not retry", 429 and 5xx "retry after some minutes".
 * Redirects are refused: a page goes only to the configured address.
 */
export function classifyStatus(status: number): DeliveryOutcome {
  if (status >= 200 && status < 300) return 'delivered';
  if (status === 408 || status === 425 || status === 429 || status >= 500 || status < 200) return 'later';
  return 'refused';
}
