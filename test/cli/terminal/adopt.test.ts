/** What `trueup adopt` offers against the other tool, tried as that tool's role. */
import { expect, test } from 'vitest';
import { buildLedgerLockSql } from '../../../lib/cli/terminal/adopt';
import { connect, createDatabase, majors } from '../../support/database';

test.each(majors())(
  'PostgreSQL %i: the owner of a ledger, and a superuser, record nothing more',
  async (major) => {
    const client = await connect(await createDatabase(major));
    const owner = `ledger owner ${process.pid}`;
    await client.query(`BEGIN; CREATE ROLE "${owner}"; CREATE TABLE public."Ledger" (version int);
    ALTER TABLE public."Ledger" OWNER TO "${owner}"`);
    const tried = async (role: string | null): Promise<string> => {
      await client.query('SAVEPOINT before_it');
      try {
        await client.query(
          `${role === null ? '' : `SET LOCAL ROLE "${role}"; `}INSERT INTO public."Ledger" VALUES (1)`,
        );
        return 'recorded';
      } catch (error) {
        return (error as Error).message;
      } finally {
        await client.query('ROLLBACK TO before_it');
      }
    };
    const table = 'public."Ledger"';
    expect([await tried(owner), await tried(null)]).toEqual(['recorded', 'recorded']);
    for (const sql of buildLedgerLockSql(table, { owner, ownerIsSuperuser: false })) await client.query(sql);
    expect([await tried(owner), await tried(null)]).toEqual([
      'permission denied for table Ledger',
      'recorded',
    ]);
    for (const sql of buildLedgerLockSql(table, { owner: 'postgres', ownerIsSuperuser: true }))
      await client.query(sql);
    expect(await tried(null)).toBe('Trueup has taken over');
    await client.query('ROLLBACK');
  },
);
