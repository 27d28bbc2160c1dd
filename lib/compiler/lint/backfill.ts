/** The advice that two rules share. */
export const BACKFILL_REMEDY =
  'Add the column without it, set the default in a separate statement, and fill existing rows in a batch.';
