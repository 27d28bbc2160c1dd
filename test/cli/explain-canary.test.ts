/** `explain` on csvlog and jsonlog of real servers: marked values never come out, whatever field they are logged in. */
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, describe, expect, it } from 'vitest';
import { explainLog, renderExplanation } from '../../lib/cli/commands/explain';
import { decodeLines } from '../../lib/cli/logs/lines';
import { startPostgres } from '../../lib/scratch-postgres/server';
import { majors } from '../support/database';
import { failing } from '../support/log-server';

const MARK = 'CANARY';
const forms = majors().flatMap((major): [number, string][] => [
  [major, 'csvlog'],
  ...(major >= 15 ? [[major, 'jsonlog'] as [number, string]] : []),
]);

async function* bytes(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

describe.each(forms)('PostgreSQL %i, %s', (major, form) => {
  const folder = mkdtempSync(join(tmpdir(), 'trueup-logs-'));
  // A server that root starts runs as somebody else.
  chmodSync(folder, 0o777);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('counts what there is, and shows no value', async () => {
    const server = await startPostgres({
      major,
      settings: {
        log_destination: `${form},stderr`,
        logging_collector: 'on',
        log_directory: folder,
        log_file_mode: '0644',
        log_parameter_max_length_on_error: '-1',
      },
    });
    const client = new Client({ connectionString: server.url() });
    await client.connect();
    await client.query(`CREATE TABLE t (id uuid PRIMARY KEY, note text);
      CREATE FUNCTION f(v text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN INSERT INTO t (note) VALUES (v || '${MARK}'); END $$`);
    await failing(client, [
      `INSERT INTO t (note) VALUES ('${MARK}'), ('a "quoted", ${MARK}\n\ttwo lines')`,
      `SELECT f('${MARK}')`,
      `INSERT INTO t (note) VALUES ('${MARK}') ON CONFLICT (note) DO NOTHING`,
      `SELECT '${MARK}'::uuid`,
    ]);
    await client.query('INSERT INTO t (note) VALUES ($1)', [MARK]).catch(() => {});
    await client.end();
    await server.stop();
    const file = readdirSync(folder).find((name) => name.endsWith(form === 'csvlog' ? '.csv' : '.json'))!;
    const log = readFileSync(join(folder, file), 'utf8');
    expect(log).toContain(MARK);
    const explanation = await explainLog(decodeLines(bytes(log)), null);
    expect(JSON.stringify(explanation) + renderExplanation(explanation)).not.toContain(MARK);
    expect(explanation.findings.map(({ group }) => [group.signature, group.table, group.count])).toEqual([
      ['not-null', 't', 3],
      ['on-conflict', null, 1],
    ]);
    expect(explanation.findings[0]!.group.uses).toEqual([
      { user: 'postgres', statement: 'INSERT INTO t (note) VALUES (?), …', count: 1 },
      {
        user: 'postgres',
        statement: expect.stringMatching(/^INSERT INTO t \(note\) VALUES \(v \|\| \?\)$/),
        count: 1,
      },
      { user: 'postgres', statement: 'INSERT INTO t (note) VALUES ($1)', count: 1 },
    ]);
  });
});
