/** For a transport without a session: each statement gets a transaction that cannot write. */
import { type Database, SqlError } from './database';

const READ_ONLY = { transaction_read_only: 'on' };

/** The same database; what would write is refused by the server (25006). A transaction never becomes writable again. */
export function withoutWriting(db: Database): Database {
  return {
    capabilities: db.capabilities,
    query: (sql, params, settings) => db.query(sql, params, { ...settings, ...READ_ONLY }),
    execute: (transactions, options) =>
      db.execute(
        transactions.map((each) => ({ ...each, settings: { ...each.settings, ...READ_ONLY } })),
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
