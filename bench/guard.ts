/** A whole deployment of one migration with a thousand promised statements, beside the same without: server time, round trips. */
import { Client } from 'pg';
import { converge } from '../lambda/engine';
import { connectPg } from '../lambda/postgres/pg';
import { listInstalledMajors } from '../lib/scratch-postgres/binaries';
import { manifestOf, migration, promising, request } from '../test/support/manifest';
import { startProxy } from '../test/support/proxy';
import { buildTexts, ROLE, TABLES } from './planning';
import { logSize, serverTime, startServer, withDatabase } from './server';

export interface Guarded {
  readonly major: number;
  readonly statements: number;
  /** The migration's own transaction, with the guard in it, ms in the server. */
  readonly commitMs: number;
  /** All of the run, ms in the server. */
  readonly serverMs: number;
  readonly roundTrips: number;
  /** Statements that the guard had no time for. */
  readonly notPlanned: number;
  /** The same run where nothing is promised. */
  readonly without: Run;
}

const OWNER = { account: '1', region: 'bench', stackName: 'bench' };

/** On the oldest PostgreSQL that is installed, and the newest. */
export async function measureGuard(runs: number): Promise<Guarded[]> {
  const majors = listInstalledMajors();
  const results: Guarded[] = [];
  for (const major of new Set([Math.min(...majors), Math.max(...majors)])) {
    const server = await startServer(major);
    try {
      const texts = buildTexts(TABLES);
      const least = { promised: await one(server, texts), without: await one(server, []) };
      for (let i = 1; i < runs; i++) {
        least.promised = lesser(least.promised, await one(server, texts));
        least.without = lesser(least.without, await one(server, []));
      }
      results.push({ major, statements: texts.length, ...least.promised, without: least.without });
    } finally {
      await server.stop();
    }
  }
  return results;
}

type Run = Pick<Guarded, 'commitMs' | 'serverMs' | 'roundTrips' | 'notPlanned'>;

const lesser = (a: Run, b: Run): Run => ({
  commitMs: Math.min(a.commitMs, b.commitMs),
  serverMs: Math.min(a.serverMs, b.serverMs),
  roundTrips: Math.max(a.roundTrips, b.roundTrips),
  notPlanned: Math.min(a.notPlanned, b.notPlanned),
});

const lock = [{ relation: 't1', mode: 'ACCESS EXCLUSIVE' as const, created: false }];

function one(server: Awaited<ReturnType<typeof startServer>>, texts: readonly string[]): Promise<Run> {
  return withDatabase(server, async (url, database) => {
    const tables = migration('0001_tables', {
      up: [
        `DO $$ BEGIN FOR i IN 1..${TABLES} LOOP EXECUTE format('CREATE TABLE t%s (id int PRIMARY KEY, a text NOT NULL, b int)', i); END LOOP; END $$`,
      ],
    });
    const more = migration('0002_more', { up: [{ sql: 'ALTER TABLE t1 ADD COLUMN c int', locks: lock }] });
    const proxy = await startProxy({ target: server });
    const client = new Client({ connectionString: url });
    const deploy = async (...migrations: (typeof tables)[]): Promise<number> => {
      const plain = manifestOf(...migrations);
      const manifest =
        texts.length === 0
          ? plain
          : promising(plain, ...texts.map((text) => ({ text, role: ROLE, searchPath: 'public', calls: 1 })));
      const connect = () => connectPg({ url: proxy.url(url) });
      const outcome = await converge(
        { connect, manifest, deadline: Date.now() + 120_000 },
        request(manifest, { owner: OWNER }),
      );
      if (outcome.status !== 'done') throw new Error(`not done: ${JSON.stringify(outcome)}`);
      const { notGuarded = {} } = outcome.report.workload ?? {};
      return Object.values(notGuarded).reduce((sum, count) => sum + count, 0);
    };
    try {
      await client.connect();
      await client.query(
        `DO $$ BEGIN CREATE ROLE ${ROLE}; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
         ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO ${ROLE}`,
      );
      await deploy(tables);
      const [from, before] = [logSize(server), proxy.roundTrips()];
      const notPlanned = await deploy(tables, more);
      const roundTrips = proxy.roundTrips() - before;
      const serverMs = serverTime(server, database, from);
      const { rows } = await client.query(
        "SELECT duration_ms FROM trueup.migrations WHERE name = '0002_more'",
      );
      return { commitMs: Number(rows[0].duration_ms), serverMs, roundTrips, notPlanned };
    } finally {
      await client.end().catch(() => {});
      await proxy.close();
    }
  });
}
