/** The function of a fleet's server fails at each of its calls; asked again, every migration is there once. */
import { expect } from 'vitest';
import type { Connect } from '../../../lambda/migrate/connect';
import { ConnectionLostError, type Database } from '../../../lambda/postgres/database';
import { connect, createDatabase } from '../../support/database';
import { fleetFolder } from '../../support/fleet-folder';
import { callTenant, connectTo, runRequest } from './support';

const manifest = fleetFolder();

class Died extends Error {}

/** How it fails. */
export const FAILURES = {
  dies: () => new Died('killed'),
  'loses its connection': () => new ConnectionLostError('Connection terminated unexpectedly'),
} as const;

/** Its n-th call is not made, or its answer is lost; all that follows on the connection finds it closed. */
function failingAt(connects: Connect, nth: number, when: 'before' | 'after', how: () => Error) {
  let calls = 0;
  const guarded = (db: Database): Database =>
    new Proxy(db, {
      get(tenant, name: keyof Database) {
        const value = tenant[name];
        if (typeof value !== 'function' || name === 'close') return value;
        return async (...args: never[]) => {
          const mine = ++calls === nth;
          if (mine && when === 'before') await fail(tenant);
          const answer = await (value as (...all: never[]) => Promise<unknown>).apply(tenant, args);
          if (mine) await fail(tenant);
          return answer;
        };
      },
    });
  const fail = async (db: Database): Promise<never> => {
    await db.close();
    throw how();
  };
  return {
    connect: async (options: Parameters<Connect>[0]) => guarded(await connects(options)),
    reached: () => calls >= nth,
  };
}

/** @param when the call is not made, or its answer is lost */
export async function failAtEachCall(
  major: number,
  failure: keyof typeof FAILURES,
  when: 'before' | 'after',
): Promise<void> {
  const how = FAILURES[failure];
  const url = await createDatabase(major);
  const client = await connect(url);
  const database = new URL(url).pathname.slice(1);
  const failures: number[] = [];
  for (let nth = 1; ; nth++) {
    const schema = `t${nth}`;
    await client.query(`CREATE SCHEMA ${schema}`);
    const tenant = { name: schema, database, schema };
    const request = runRequest(manifest);
    const doomed = failingAt(connectTo(url), nth, when, how);
    const answer = await callTenant(
      { url, manifest, connect: doomed.connect },
      'apply',
      tenant,
      request,
    ).catch((error) => {
      if (!(error instanceof Died)) throw error;
      return null;
    });
    if (!doomed.reached()) break;
    failures.push(nth);
    if (answer !== null) expect(answer, `call ${nth}`).toMatchObject({ state: 'up to date' });
    // The same run, as the state machine asks again; and a new one.
    for (const again of [request, runRequest(manifest)])
      expect(await callTenant({ url, manifest }, 'apply', tenant, again), `call ${nth}`).toMatchObject({
        state: 'up to date',
      });
  }
  expect(failures.length).toBeGreaterThan(4);
  const { rows } = await client.query(
    "SELECT namespace, string_agg(migration, ',' ORDER BY migration) AS applied FROM trueup.events WHERE event IN ('applied', 'verified') GROUP BY 1",
  );
  expect(rows).toHaveLength(failures.length + 1);
  expect(new Set(rows.map(({ applied }) => applied))).toEqual(new Set(['0001_orders,0002_index,0003_total']));
}
