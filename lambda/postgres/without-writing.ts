/** For a transport without a session: each statement gets a transaction that cannot write. */
import { type Database, SqlError } from './database';

const READ_ONLY = { transaction_read_only: 'on' };

/**
 * As the first statement of a transaction: it may write, in a session that otherwise only reads. For what Trueup keeps in its own
 * schema.
 */
export const READ_WRITE = 'SET TRANSACTION READ WRITE';

/**
 * The same database; what would write is refused by the server (25006), but for a transaction that begins with
 * {@link READ_WRITE}, as over a session. No other becomes writable again.
 */
export function withoutWriting(db: Database): Database {
  return {
    capabilities: db.capabilities,
    query: (sql, params, settings) => db.query(sql, params, { ...settings, ...READ_ONLY }),
    execute: (transactions, options) =>
      db.execute(
        transactions.map((each) =>
          each.statements[0] === READ_WRITE
            ? each
            : { ...each, settings: { ...each.settings, ...READ_ONLY } },
        ),
        options,
      ),
    executeOutside: async () => {
      throw new SqlError('cannot execute a statement outside a transaction in a read-only session', '25006');
    },
    tryLock: (key, shared) => db.tryLock(key, shared),
    unlock: (key, shared) => db.unlock(key, shared),
    lockHolder: (key, shared) => db.lockHolder(key, shared),
    close: () => db.close(),
  };
}
