/** The guard over the Data API: every part of it is a function call with JSON. */
import { afterAll, describe, expect, test } from 'vitest';
import type { ConvergeOutcome } from '../../../lambda/contract/converge';
import type { Manifest } from '../../../lambda/contract/manifest';
import { converge } from '../../../lambda/engine';
import { connectDataApi } from '../../../lambda/postgres/data-api/database';
import { type DataApiEndpoint, startDataApi } from '../../support/aws/data-api';
import { createDatabase, majors } from '../../support/database';
import { manifestOf, migration, promising, request } from '../../support/manifest';

const endpoints: DataApiEndpoint[] = [];
afterAll(() => Promise.all(endpoints.map((endpoint) => endpoint.close())));

describe.each(majors())('PostgreSQL %i', (major) => {
  test('refuses, passes with consent, and keeps a promise longer than a statement may be', async () => {
    const { hostname, port, username, password, pathname } = new URL(await createDatabase(major));
    const endpoint = await startDataApi({
      host: hostname,
      port: Number(port),
      secret: { username, password },
    });
    endpoints.push(endpoint);
    const connect = () => connectDataApi({ ...endpoint, database: pathname.slice(1), keepAliveMs: 300 });
    const deploy = (manifest: Manifest): Promise<ConvergeOutcome> =>
      converge({ connect, manifest, deadline: Date.now() + 40_000 }, request(manifest));
    const first = migration('0001_t', {
      up: ['CREATE TABLE t (id int PRIMARY KEY, note text)', 'CREATE UNIQUE INDEX t_note ON t (note)'],
    });
    const many = Array.from(
      { length: 300 },
      (_, i) => `SELECT id AS ${'name_of_the_column_'.repeat(3)}${i} FROM t`,
    );
    const upsert = 'INSERT INTO t (id, note) VALUES ($1, $2) ON CONFLICT (note) DO NOTHING';
    expect(JSON.stringify(many).length).toBeGreaterThan(20_000);
    expect(await deploy(promising(manifestOf(first), upsert, ...many))).toMatchObject({
      status: 'done',
      report: { workload: { deployed: { statements: 301, plan: 301 } } },
    });
    const drop = migration('0002_drop', {
      up: [
        {
          sql: 'DROP INDEX CONCURRENTLY t_note',
          execution: 'non-transactional',
          target: { kind: 'index', action: 'drop', name: 't_note', schema: null, table: null, unique: false },
        },
      ],
    });
    expect(await deploy(promising(manifestOf(first, drop), ...many))).toMatchObject({
      status: 'failed',
      error: {
        code: 'workload',
        migration: '0002_drop',
        sqlstate: '42P10',
        details: [expect.stringContaining(upsert)],
      },
    });
    const rename = migration('0002_remark', { up: ['ALTER TABLE t RENAME COLUMN note TO remark'] });
    expect(await deploy(promising(manifestOf(first, rename), ...many))).toMatchObject({
      status: 'failed',
      error: { code: 'workload', migration: '0002_remark', sqlstate: '42703' },
    });
    expect(
      await deploy(promising(manifestOf(first, { ...rename, breaks: 'a test' }), ...many)),
    ).toMatchObject({
      status: 'done',
      report: { workload: { running: 301, broken: [{ text: upsert, as: 'consent' }] } },
    });
  });
});
