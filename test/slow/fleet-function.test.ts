/** A fleet's function at its worst, and a thousand schemas. */
import { describe, expect, test } from 'vitest';
import type { FleetTenant, TenantAnswer } from '../../lambda/contract/fleet';
import { failAtEachCall } from '../migrate/fleet/failing';
import { ask, callTenant, connectTo, runRequest } from '../migrate/fleet/support';
import { connect, createDatabase, majors, newestMajor } from '../support/database';
import { fleetFolder } from '../support/fleet-folder';

const TENANTS = 1_000;
const AT_ONCE = 8;

describe.each(majors())('PostgreSQL %i', (major) => {
  test.each([
    ['dies', 'before'],
    ['dies', 'after'],
    ['loses its connection', 'before'],
    ['loses its connection', 'after'],
  ] as const)('it %s %s a call', (failure, when) => failAtEachCall(major, failure, when));

  // What a thousand need does not depend on the major.
  test.runIf(major === newestMajor())(
    `${TENANTS} schemas in pages: half of them, then a run that was cut, then all; each migration once`,
    async () => {
      const url = await createDatabase(major);
      const client = await connect(url);
      const database = new URL(url).pathname.slice(1);
      await client.query(
        `DO $$ BEGIN FOR n IN 1..${TENANTS} LOOP EXECUTE format('CREATE SCHEMA t_%s', n); END LOOP; END $$`,
      );
      const manifest = fleetFolder();
      let [open, most] = [0, 0];
      const connects = connectTo(url);
      const of = {
        url,
        manifest,
        fleet: { sources: [{ kind: 'schemas', database, pattern: 't_*' }] },
        connect: async (options: Parameters<typeof connects>[0]) => {
          most = Math.max(most, ++open);
          const db = await connects(options);
          const close = db.close.bind(db);
          let closed = false;
          db.close = async () => {
            if (!closed) open--;
            closed = true;
            await close();
          };
          return db;
        },
      } as const;

      const tenants: FleetTenant[] = [];
      for (let after: string | null = null; ; ) {
        const answer = await ask(of, { action: 'list-tenants', source: 0, after, limit: 400 });
        if (answer.action !== 'list-tenants') throw new Error(JSON.stringify(answer));
        tenants.push(...answer.page.tenants);
        after = answer.page.next;
        if (after === null) break;
      }
      expect(new Set(tenants.map(({ schema }) => schema)).size).toBe(TENANTS);

      const all = async (
        work: 'inspect' | 'apply',
        some: readonly FleetTenant[],
        failing = 0,
      ): Promise<TenantAnswer[]> => {
        const request = runRequest(manifest);
        const answers: TenantAnswer[] = [];
        const rest = some.values();
        let begun = 0;
        await Promise.all(
          Array.from({ length: AT_ONCE }, async () => {
            for (const tenant of rest) {
              const cut = failing > 0 && ++begun % failing === 0;
              const slice = cut ? { ...of, deadlineMs: 1 } : of;
              const answer = cut
                ? await ask(slice, { action: 'tenant', work, tenant, request })
                : await callTenant(of, work, tenant, request);
              answers.push('tenant' in answer ? answer.tenant : (answer as TenantAnswer));
            }
          }),
        );
        return answers;
      };
      const states = (answers: readonly TenantAnswer[]) => [...new Set(answers.map(({ state }) => state))];
      expect(states(await all('inspect', tenants))).toEqual(['behind']);
      await all('apply', tenants.slice(0, TENANTS / 2), 7);
      await Promise.all([all('apply', tenants), all('inspect', tenants.slice(0, 50))]);
      const last = await all('inspect', tenants);
      expect(states(last)).toEqual(['up to date']);
      expect(Math.max(...last.map((answer) => Buffer.byteLength(JSON.stringify(answer))))).toBeLessThan(200);
      expect(most).toBeLessThanOrEqual(2 * AT_ONCE);
      expect(open).toBe(0);
      const { rows } = await client.query(
        `SELECT count(DISTINCT namespace)::int AS tenants, count(*)::int AS events, count(DISTINCT (namespace, migration))::int AS migrations
       FROM trueup.events WHERE event IN ('applied', 'verified')`,
      );
      expect(rows).toEqual([{ tenants: TENANTS, events: 3 * TENANTS, migrations: 3 * TENANTS }]);
    },
  );
});
