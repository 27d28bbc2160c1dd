/** Types that the constructs and the function that sends pages share. */

/** Receivers over HTTPS. Each has its request in deliver.ts and its texts in lib/constructs/notify/https-notice.ts. */
export type HttpsForm = 'pagerduty' | 'webhook';
