/** SQL of our own: nothing that others can put into a schema on the role's path is called in its place. */
import type { Transaction } from './database';

export const PINNED_PATH = 'pg_catalog, pg_temp';

/** A transaction of nothing but our own SQL. Where it stands beside a file's, it names everything by its schema. */
export const pinned = (statements: readonly string[]): Transaction => ({
  settings: { search_path: PINNED_PATH },
  statements,
});
