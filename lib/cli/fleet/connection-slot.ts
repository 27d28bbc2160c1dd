/** Holds at most one connection, which is kept for the next tenant if that is in the same database. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../../../lambda/postgres/database';

/** A session that cannot be reset within this time is closed. */
const RELEASE_TIMEOUT_MS = 2_000;

export class ConnectionSlot {
  private kept: { readonly database: string; readonly db: Database } | null = null;
  /** The session that is being reset; the next one is opened only afterwards. */
  private returning: Promise<void> = Promise.resolve();

  /**
   * @param open connects to a database
   * @param keep whether sessions are reused; with a pooler they are not, since the reset would remove the settings that
   * mark them
   */
  constructor(
    private readonly open: (database: string) => Promise<Database>,
    private readonly keep = true,
  ) {}

  /** Returns a connection whose `close()` brings it back to this slot. */
  async connect(database: string): Promise<Database> {
    await this.returning;
    const { kept } = this;
    this.kept = null;
    if (kept?.database === database) return this.lend(database, kept.db);
    await kept?.db.close();
    return this.lend(database, await this.open(database));
  }

  async leave(): Promise<void> {
    await this.returning;
    await this.kept?.db.close();
    this.kept = null;
  }

  private lend(database: string, db: Database): Database {
    let returned: Promise<void> | null = null;
    return {
      capabilities: db.capabilities,
      query: (sql, params, settings) => db.query(sql, params, settings),
      execute: (transactions, options) => db.execute(transactions, options),
      inReadOnlyTransaction: (work, options) => db.inReadOnlyTransaction(work, options),
      setSearchPath: (path) => db.setSearchPath(path),
      reset: () => db.reset(),
      executeOutside: (sql, settings, options) => db.executeOutside(sql, settings, options),
      tryLock: (key, shared) => db.tryLock(key, shared),
      unlock: (key, shared) => db.unlock(key, shared),
      lockHolder: (key, shared) => db.lockHolder(key, shared),
      close: () => {
        returned ??= this.returning = this.takeBack(database, db);
        return returned;
      },
    };
  }

  /**
   * Takes back a session and resets it: settings, temporary tables and locks of one tenant must not affect the next. A
   * session whose connection is cut never responds.
   */
  private async takeBack(database: string, db: Database): Promise<void> {
    const clean = this.keep ? db.reset().then(() => true) : Promise.resolve(false);
    const late = sleep(RELEASE_TIMEOUT_MS, false, { ref: false });
    if (await Promise.race([clean, late]).catch(() => false)) this.kept = { database, db };
    else await Promise.race([db.close(), sleep(RELEASE_TIMEOUT_MS, undefined, { ref: false })]);
  }
}
