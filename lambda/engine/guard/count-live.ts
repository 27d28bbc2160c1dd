/** Counts what the database runs, in a session that otherwise only reads: on a schedule, so that a deployment knows what is in use. */
import { type Database, SqlError } from '../../postgres/database';
import { READ_WRITE } from '../../postgres/without-writing';
import { countLive } from './statements';

/** Nothing fails for it: who may not write there does not count. @throws {ConnectionLost} */
export async function countLiveOn(db: Database, ownerRole: string | null): Promise<void> {
  try {
    await db.execute([{ statements: [READ_WRITE, countLive({ ownerRole })] }]);
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
  }
}
