/** One connection at most, kept from one target to the next where both are in one database. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../../../lambda/postgres/database';

/** A session that does not come back in this time is given up. */
const RETURN_MS = 2_000;

export class Seat {
  private kept: { readonly database: string; readonly db: Database } | null = null;
  /** A session that is on its way back; another one is opened only after that. */
  private returning: Promise<void> = Promise.resolve();

  /** @param open connects to this database. @param keep a pooler's session cannot be used again: its marks would be lost */
  constructor(
    private readonly open: (database: string) => Promise<Database>,
    private readonly keep = true,
  ) {}

  /** As the engine wants it: closing it brings it back here. */
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

  /** Settings, temporary tables and locks of one tenant are none of the next one's. A session that is cut answers nothing. */
  private async takeBack(database: string, db: Database): Promise<void> {
    const clean = this.keep ? db.query('DISCARD ALL').then(() => true) : Promise.resolve(false);
    const late = sleep(RETURN_MS, false, { ref: false });
    if (await Promise.race([clean, late]).catch(() => false)) this.kept = { database, db };
    else await Promise.race([db.close(), sleep(RETURN_MS, undefined, { ref: false })]);
  }
}
