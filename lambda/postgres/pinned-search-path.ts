/**
 * The search path for Trueup's own SQL. It excludes the schemas in which other roles could create a function that is called
 * in place of the intended one.
 */
import type { Transaction } from './database';

export const PINNED_SEARCH_PATH = 'pg_catalog, pg_temp';

/**
 * Returns a transaction that contains only Trueup's SQL. SQL that runs together with a migration file is
 * schema-qualified instead.
 */
export const makePinnedTransaction = (statements: readonly string[]): Transaction => ({
  settings: { search_path: PINNED_SEARCH_PATH },
  statements,
});
