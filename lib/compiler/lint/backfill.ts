/** What two rules advise. */
export const BACKFILL =
  'Add the column without it, set the default in a statement of its own, and fill old rows in a batch.';
