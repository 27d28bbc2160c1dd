/** What two rules advise. */
export const BACKFILL =
  'Add the column without it, set the default in a separate statement, and fill existing rows in a batch.';
