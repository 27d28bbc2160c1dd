/** An audit that is disturbed at each of its questions: by a connection that is lost, a server that stops, DDL. */
import type { Client } from 'pg';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ConnectionLostError, type Database } from '../../lambda/postgres/database';
import { connectPg } from '../../lambda/postgres/pg';
import { type AuditResult, audit } from '../../lib/audit/audit';
import { type Snapshot, takeSnapshot } from '../../lib/audit/snapshot';
import { loadParser } from '../../lib/compiler/read/parser';
import { type PostgresServer, startPostgres } from '../../lib/scratch-postgres/server';
import { intercepted, readOnly } from '../audit/support';
import { trueup } from '../cli/trueup';
import { connect, createDatabase, majors, outerMajors } from '../support/database';
import { startProxy, type TcpProxy } from '../support/proxy';

const SCHEMA = `CREATE TABLE customers (id bigserial PRIMARY KEY, email text NOT NULL);
  CREATE UNIQUE INDEX one_email ON customers (email); CREATE INDEX by_id ON customers (id, email);
  CREATE TABLE orders (id int PRIMARY KEY, customer bigint REFERENCES customers);
  CREATE VIEW bought AS SELECT c.email FROM customers c JOIN orders o ON o.customer = c.id;
  INSERT INTO customers (email) VALUES ('a'), ('b'); INSERT INTO orders VALUES (1, 1);`;
/** The same objects afterwards. */
const DDL = `BEGIN; SET LOCAL lock_timeout = 50; DROP INDEX by_id; CREATE INDEX by_id ON customers (id, email); ALTER TABLE orders ADD x int DEFAULT 1;
  ALTER TABLE orders DROP x; DROP VIEW bought;
  CREATE VIEW bought AS SELECT c.email FROM customers c JOIN orders o ON o.customer = c.id; COMMIT;`;
const version = '0';

/** Gives way where the audit itself holds a lock. */
const change = (client: Client): Promise<unknown> => client.query(DDL).catch(() => client.query('ROLLBACK'));

const proxies: TcpProxy[] = [];
afterEach(async () => {
  for (const proxy of proxies.splice(0)) await proxy.close();
});

/** Before the answer that ends round trip `n`. */
async function throughProxy(url: string, n: number, disturb: (proxy: TcpProxy) => void): Promise<TcpProxy> {
  const { hostname: host, port } = new URL(url);
  const proxy: TcpProxy = await startProxy({
    target: { host, port: Number(port) },
    onRoundTrip: (now) => now === n && disturb(proxy),
  });
  proxies.push(proxy);
  return proxy;
}

/** With something done before question `n`, or before each (0). */
function before(db: Database, n: number, disturb: () => Promise<unknown>): { db: Database; asked(): number } {
  let asked = 0;
  return {
    asked: () => asked,
    db: intercepted(db, async (ask, ...args) => {
      asked++;
      if (n === 0 || asked === n) await disturb();
      return ask(...args);
    }),
  };
}

beforeAll(() => loadParser());

describe.each(majors())('PostgreSQL %i', (major) => {
  const make = async (): Promise<string> => {
    const url = await createDatabase(major);
    await (await connect(url)).query(SCHEMA);
    return url;
  };
  const snapshot = async (url: string): Promise<Snapshot> =>
    takeSnapshot(await readOnly(url), { version, count: true });

  test('a connection that is lost at each round trip ends the audit, and it finds nothing', async () => {
    const url = await make();
    const source = await snapshot(url);
    const whole = await throughProxy(url, 0, () => {});
    const all = await connectPg({ url: whole.url(url), readOnly: true });
    expect((await audit(all, { version, source })).findings).toEqual([]);
    const count = whole.roundTrips();
    await all.close();
    expect(count).toBeGreaterThan(20);
    for (let n = 1; n <= count - 1; n++) {
      const proxy = await throughProxy(url, n, (own) => own.cut());
      const ended = await connectPg({ url: proxy.url(url), readOnly: true })
        .then((db) => audit(db, { version, source }).finally(() => db.close()))
        .then(
          ({ findings }) => findings,
          (error: unknown) => error,
        );
      expect(ended, `round trip ${n}`).toBeInstanceOf(ConnectionLostError);
    }
  });

  test.runIf(outerMajors().includes(major))(
    'DDL before each question: what is there is not taken for lost',
    async () => {
      const url = await make();
      const source = await snapshot(url);
      const other = await connect(url);
      const db = await readOnly(url);
      const quiet = before(db, -1, async () => {});
      await audit(quiet.db, { version, source });
      for (let n = 1; n <= quiet.asked(); n++) {
        const { findings } = await audit(before(db, n, () => change(other)).db, { version, source });
        expect(findings, `question ${n}`).toEqual([]);
      }
      const busy = before(db, 0, () => change(other));
      const result = await audit(busy.db, { version, source }).catch((error: unknown) => error);
      if (result instanceof Error) expect(result.message).toMatch(/^the schema could not be read: /);
      else {
        const { findings, notChecked } = result as AuditResult;
        expect(findings).toEqual([]);
        expect(notChecked.map(({ what }) => what)).toContain('a stable schema');
      }
    },
  );

  test.each(['fast', 'immediate'] as const)(
    'a server that stops midway (%s): one sentence, 5',
    async (mode) => {
      const server: PostgresServer = await startPostgres({ major });
      try {
        await (await connect(server.url())).query(SCHEMA);
        let stopped: Promise<void> | undefined;
        const proxy = await throughProxy(server.url(), 15, () => {
          stopped = server.stopServer(mode);
        });
        const { code, stdout, stderr } = await trueup(['audit', '--database-url', proxy.url(server.url())]);
        expect(stopped).toBeDefined();
        await stopped;
        expect(code, stdout + stderr).toBe(5);
        expect(stdout).toBe('');
        expect(stderr).toMatch(/^error: the database cannot be reached|^error: .*connection/);
        expect(stderr.trim().split('\n').length, stderr).toBeLessThanOrEqual(2);
      } finally {
        await server.stop();
      }
    },
  );
});
