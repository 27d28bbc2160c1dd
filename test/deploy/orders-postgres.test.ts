/** Generated orders of events through deploy's and migrate's own code, on a real PostgreSQL. */
import type { Client } from 'pg';
import { expect, test } from 'vitest';
import { handleRequest } from '../../lambda/migrate/actions';
import { connectPg } from '../../lambda/postgres/pg';
import { connect, createDatabase } from '../support/database';
import { migration } from '../support/manifest';
import type { Deed } from '../support/model';
import { type MakeMigration, play, type Story, stories, versionsOf } from '../support/orders';
import { fc } from '../support/property';
import { quiet } from '../support/quiet';
import { type Migrate, World } from '../support/world';

const RUNS = 60;
quiet();

/** Every `up` and `down` leaves a line in a table, in its own transaction. */
const make: MakeMigration = (name, { undo, broken, flavour }) =>
  migration(name, {
    up: [
      `INSERT INTO deeds (action, name) VALUES ('apply', '${name}') /* ${flavour} */`,
      ...(broken ? ['SELECT 1/0'] : []),
    ],
    verify: `SELECT '${name} is not there' WHERE NOT EXISTS (SELECT 1 FROM deeds WHERE name = '${name}')`,
    down: undo === 'none' ? [] : [`INSERT INTO deeds (action, name) VALUES ('undo', '${name}')`],
    undo,
  });

async function playOnPostgres(url: string, client: Client, story: Story): Promise<Deed[]> {
  await client.query(`DROP SCHEMA IF EXISTS trueup CASCADE; DROP TABLE IF EXISTS deeds;
    CREATE TABLE deeds (id bigserial PRIMARY KEY, action text, name text)`);
  const migrate: Migrate = (manifest, request, pause) =>
    handleRequest(request, {
      settings: { namespace: 'app', ownerRole: null },
      manifest,
      connect: () => connectPg({ url }),
      deadline: Date.now() + 10_000,
      progress: ({ type }) => {
        if (type === 'started') void pause();
      },
    });

  async function book() {
    const done = await client.query('SELECT action, name FROM deeds ORDER BY id');
    const ledger = await client.query("SELECT to_regclass('trueup.events') IS NOT NULL AS there");
    if (!ledger.rows[0].there) return { deeds: [], applied: [] };
    const events = await client.query(
      "SELECT event, migration, deployment FROM trueup.events WHERE event IN ('applied', 'undone') ORDER BY id",
    );
    const appliedBy = new Map<string, string>();
    const deeds = events.rows.map(({ event, migration: name, deployment: by }): Deed => {
      if (event === 'applied') appliedBy.set(name, by);
      return { action: event === 'applied' ? 'apply' : 'undo', name, by, of: appliedBy.get(name)! };
    });
    // What the ledger says is what happened.
    expect(deeds.map(({ action, name }) => ({ action, name }))).toEqual(done.rows);
    const { rows } = await client.query("SELECT name FROM trueup.migrations WHERE state = 'applied'");
    return { deeds, applied: rows.map(({ name }) => name as string) };
  }

  await play(new World('shop', migrate), story, versionsOf(story, make), book);
  return (await book()).deeds;
}

/** Chance alone may bring no order in which something is undone, so one is given. */
const UNDOES: Story = {
  changes: [[{ kind: 'add', undo: 'automatic' }, { kind: 'break' }]],
  operations: [0, 1].map((version) => ({
    kind: 'deploy',
    version,
    laterFails: false,
    disableRollback: false,
    trouble: {},
  })),
  rollbackAfterSuccess: false,
  echoes: false,
};

test(`${RUNS} orders of events on a real server`, async () => {
  const url = await createDatabase();
  const client = await connect(url);
  let undone = 0;
  await fc.assert(
    fc.asyncProperty(stories({ dying: false }), async (story) => {
      undone += (await playOnPostgres(url, client, story)).filter(({ action }) => action === 'undo').length;
    }),
    { numRuns: RUNS, endOnFailure: true, examples: [[UNDOES]] },
  );
  expect(undone).toBeGreaterThan(0);
});
