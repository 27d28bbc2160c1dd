/** What the application feels is capped for the whole transaction, however many statements hold the lock. */
import type { Client } from 'pg';
import { describe, expect, test } from 'vitest';
import type { ConvergeOutcome } from '../../../lambda/contract/converge';
import { converge, down, plan } from '../../../lambda/engine';
import { connectDataApi } from '../../../lambda/postgres/data-api/database';
import { startDataApi } from '../../support/aws/data-api';
import { connect, createDatabase, outerMajors } from '../../support/database';
import { contextFor, run, up } from '../../support/engine';
import { manifestOf, migration, request, type StatementSketch } from '../../support/manifest';

const locks = [{ relation: 't', mode: 'ACCESS EXCLUSIVE' as const, created: false }];
const table = migration('0001_t', {
  up: ['CREATE TABLE t (id int PRIMARY KEY)', 'INSERT INTO t SELECT generate_series(1, 10)'],
});
const CHANGE: StatementSketch = { sql: 'ALTER TABLE t ADD COLUMN n int', locks };
const CAP_MS = 1_500;
/** Each of them keeps well within the cap; four of them do not. */
const update = (seconds: number): string => `UPDATE t SET n = 1 FROM pg_sleep(${seconds})`;
const four = (seconds: number) =>
  migration('0002_change', {
    up: [CHANGE, ...Array<string>(4).fill(update(seconds))],
    settings: { statementTimeoutMs: CAP_MS },
  });
const TOO_LONG = { sqlstate: expect.stringMatching(/^(57014|TU003)$/) };
const COLUMNS = "SELECT count(*)::int AS n FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum > 1";

describe.each(outerMajors())('PostgreSQL %i', (major) => {
  const prepared = async () => {
    const url = await createDatabase(major);
    await up(url, manifestOf(table));
    return url;
  };

  test('ALTER and four updates: a reader waits no longer than the cap, and nothing is kept', async () => {
    const url = await prepared();
    const reader = await connect(url);
    let over = false;
    /** The longest answer to this statement until it is over. */
    const measure = async (client: Client, sql: string): Promise<number> => {
      let longestMs = 0;
      while (!over) {
        const began = Date.now();
        await client.query(sql);
        longestMs = Math.max(longestMs, Date.now() - began);
      }
      return longestMs;
    };
    const measuring = [
      measure(reader, 'SELECT count(*) FROM t'),
      measure(await connect(url), 'SELECT pg_sleep(0.01)'),
    ];
    const { outcome } = await run(url, manifestOf(table, four(0.5)));
    over = true;
    const [longestMs, elsewhereMs] = await Promise.all(measuring);
    // 0.5 s a statement: the third or fourth statement is where it ends.
    expect(outcome).toMatchObject({
      status: 'failed',
      error: {
        ...TOO_LONG,
        statement: expect.toSatisfy((n: number) => n === 3 || n === 4),
        remedy: expect.stringMatching(/^It held a lock .* Nothing of this migration was applied\.$/),
      },
    });
    expect((await reader.query(COLUMNS)).rows).toEqual([{ n: 0 }]);
    // The promise is a time: so long may a lock be held. Added is what this machine takes for anything.
    expect(longestMs).toBeGreaterThan(CAP_MS / 2);
    expect(longestMs).toBeLessThan(CAP_MS + 400 + 2 * elsewhereMs!);
  });

  test('within the cap they are applied', async () => {
    const url = await prepared();
    expect((await run(url, manifestOf(table, four(0.05)))).outcome).toMatchObject({ status: 'done' });
  });

  test("statements too short for the server's timer count too", async () => {
    const url = await prepared();
    const many = migration('0002_many', {
      up: [CHANGE, ...Array<string>(400).fill(update(0.001))],
      settings: { statementTimeoutMs: 200 },
    });
    const { outcome } = await run(url, manifestOf(table, many));
    expect(outcome).toMatchObject({ status: 'failed', error: TOO_LONG });
  });

  test.each<[string, Parameters<typeof migration>[1]]>([
    [
      'verify',
      {
        up: [CHANGE, update(0.3)],
        verify: "SELECT 'late' FROM pg_sleep(0.3) AS s WHERE s::text = 'late'",
      },
    ],
    [
      'what is deferred to the commit',
      {
        up: [
          CHANGE,
          `CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.2); RETURN NULL; END'`,
          'CREATE CONSTRAINT TRIGGER later AFTER UPDATE ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION slow()',
          'UPDATE t SET n = 1',
        ],
      },
    ],
  ])('%s counts', async (_, sketch) => {
    const url = await prepared();
    const change = migration('0002_change', { ...sketch, settings: { statementTimeoutMs: 500 } });
    const { outcome } = await run(url, manifestOf(table, change));
    expect(outcome).toMatchObject({ status: 'failed', error: TOO_LONG });
  });

  test('a down section too', async () => {
    const url = await prepared();
    const back = migration('0002_back', {
      down: [{ sql: 'ALTER TABLE t ADD COLUMN n int', locks }, update(0.3), update(0.3)],
      settings: { statementTimeoutMs: 500 },
    });
    await up(url, manifestOf(table, back));
    const ask = { id: 'down', namespace: 'app', owner: null, name: back.name };
    expect(await down(contextFor(url, manifestOf(table, back)), ask)).toMatchObject({
      status: 'failed',
      error: TOO_LONG,
    });
  });

  test('the plan says how long', async () => {
    const url = await prepared();
    const index = migration('0003_index', { up: ['CREATE INDEX CONCURRENTLY t_n ON t (n)'] });
    const manifest = manifestOf(table, four(0), index);
    const { steps } = await plan(contextFor(url, manifest), request(manifest));
    expect(steps.map(({ holdsMs }) => holdsMs)).toEqual([CAP_MS, null]);
  });

  test('over the Data API, which has no shared message, the time between two calls counts as well', async () => {
    const url = await prepared();
    const { hostname, port, username, password, pathname } = new URL(url);
    const endpoint = await startDataApi({
      host: hostname,
      port: Number(port),
      secret: { username, password },
    });
    const outcomes: ConvergeOutcome[] = [];
    for (const seconds of [0.6, 0.05]) {
      const manifest = manifestOf(table, four(seconds));
      const connectOnce = () => connectDataApi({ ...endpoint, database: pathname.slice(1) });
      const context = { connect: connectOnce, manifest, deadline: Date.now() + 30_000 };
      outcomes.push(await converge(context, request(manifest)));
    }
    await endpoint.close();
    expect(outcomes).toMatchObject([{ status: 'failed', error: TOO_LONG }, { status: 'done' }]);
  });
});
