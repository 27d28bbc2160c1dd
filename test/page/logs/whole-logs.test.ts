/** Whole logs: more lines than can be kept, and those of a real server, with rows in them. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import type { LogEvent } from '../../../lambda/page/logs/error-reader';
import { majors } from '../../support/database';
import { failing, RDS_PREFIX_16, startLogServer } from '../../support/log-server';
import { at, collect, collectLines, notNull, ROWS } from '../lines';

it('100,000 lines of as many backends and tables: bounded', () => {
  function* lines(count = 50_000): Generator<LogEvent> {
    for (let i = 0; i < count; i++) {
      yield { message: at(i, notNull(i % 2 ? 'orders' : `t_${i}`)), timestampMs: i };
      yield {
        message: at(i, `STATEMENT:  INSERT INTO t VALUES ('${ROWS}${'x'.repeat(200)}')`),
        timestampMs: i,
      };
    }
  }
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  // The compiled code and what it keeps are no lines.
  collect(lines(2_000));
  gc();
  const before = process.memoryUsage().heapUsed;
  const { groups, collection } = collect(lines());
  gc();
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(20 * 1024 * 1024);
  expect(groups).toHaveLength(1_000);
  expect(groups[0]).toMatchObject({ table: 'orders', count: 25_000 });
  expect(collection.overflow).toBe(50_000 - 25_000 - 999);
  expect(JSON.stringify(groups)).not.toContain(ROWS);
});

describe.each(
  majors().map((major): [number, string | undefined] => [
    major,
    major < 16 ? undefined : `${RDS_PREFIX_16}:`,
  ]),
)('a real server, PostgreSQL %i', (major, prefix) => {
  it('marked values in rows, statements, functions, COPY and parameters never come out', async () => {
    const server = await startLogServer(major, {
      ...(prefix ? { log_line_prefix: prefix } : {}),
      log_parameter_max_length_on_error: '-1',
      log_statement: 'all',
      log_duration: 'on',
    });
    const lines = await server.logged(async (client) => {
      await client.query(`
        CREATE TABLE t (id uuid PRIMARY KEY, note text, other text);
        CREATE TABLE parent (id text PRIMARY KEY);
        CREATE TABLE child (parent_id text NOT NULL REFERENCES parent ON DELETE SET NULL);
        CREATE FUNCTION f(v text) RETURNS void LANGUAGE plpgsql AS $$
          BEGIN INSERT INTO t (note) VALUES (v || 'CANARY'); END $$;
        CREATE FUNCTION g() RETURNS uuid LANGUAGE plpgsql AS $$
          BEGIN RETURN (SELECT uuid_generate_v4() WHERE 'CANARY' <> ''); END $$;
        INSERT INTO parent VALUES ('CANARY'); INSERT INTO child VALUES ('CANARY')`);
      await failing(client, [
        "INSERT INTO t (note) VALUES ('CANARY'), ('it''s CANARY'), (E'a\\'CANARY'), ($$CANARY$$)",
        "/* CANARY */ INSERT INTO t (note) VALUES (U&'CANARY') -- CANARY",
        "SELECT f('CANARY')",
        'SELECT g()',
        "DELETE FROM parent WHERE id = 'CANARY'",
        "INSERT INTO t (note) VALUES ('CANARY') ON CONFLICT (note) WHERE other = 'CANARY' DO NOTHING",
        "SELECT 1 FROM t WHERE id = 'CANARY'::varchar",
        `DO $$ BEGIN RAISE EXCEPTION 'null value in column "%" violates not-null constraint', repeat('CANARY', 20); END $$`,
        'SET standard_conforming_strings = off',
        "INSERT INTO t (note) VALUES ('x\\' CANARY ')",
      ]);
      await client.query('INSERT INTO t (note) VALUES ($1)', ['CANARY']).catch(() => {});
      await client
        .query('INSERT INTO t (note) VALUES ($1) ON CONFLICT (note) DO NOTHING', ['CANARY'])
        .catch(() => {});
    });
    expect(lines.join('\n')).toContain(ROWS);
    const groups = await collectLines(lines);
    expect(JSON.stringify(groups)).not.toContain(ROWS);
    const found = groups.map(({ signature, table, column, count }) => [signature, table, column, count]);
    expect(found).toContainEqual(['not-null', 't', 'id', 5]);
    expect(found).toContainEqual(['not-null', 'child', 'parent_id', 1]);
    expect(found).toContainEqual(['uuid-function', null, null, 1]);
    expect(found.filter(([signature]) => signature === 'on-conflict')).toHaveLength(2);
    // Inside a function, the statement that failed and not the call.
    const inside = groups.find(({ signature }) => signature === 'uuid-function')!;
    expect(inside.statement).toMatch(/^(SELECT )?\(?SELECT uuid_generate_v4\(\) WHERE \? <> \?\)?$/);
    expect(groups.find(({ table }) => table === 'child')!.statement).toMatch(
      /^UPDATE ONLY "public"\."child" SET/,
    );
  });
});
