/** What an answer means for a page that was posted. Pure. */

/**
 * - `delivered`
 * - `refused`: the same again would be refused again
 * - `later`: the receiver is busy or broken
 */
export type Meaning = 'delivered' | 'refused' | 'later';

/**
 * PagerDuty: 202 accepted, 400 "invalid, do not retry", 429 and 5xx "retry after some minutes". Redirects are refused:
 * a page goes where its owner said, and nowhere else.
 */
export function meaningOf(status: number): Meaning {
  if (status >= 200 && status < 300) return 'delivered';
  if (status === 408 || status === 425 || status === 429 || status >= 500 || status < 200) return 'later';
  return 'refused';
}
