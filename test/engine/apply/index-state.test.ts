/** What a build or REINDEX left is known by its table and definition, not by how its name begins. */
import type { Client } from 'pg';
import { describe, expect, test } from 'vitest';
import type { IndexTarget } from '../../../lambda/engine/apply/index-state';
import { dropReindexLeftovers } from '../../../lambda/engine/apply/reindex';
import { ConnectionLostError } from '../../../lambda/postgres/database';
import { connectPg } from '../../../lambda/postgres/pg';
import { connect, createDatabase, majors } from '../../support/database';
import { run, runOn } from '../../support/engine';
import { manifestOf, migration } from '../../support/manifest';

const reindex = (change: Partial<IndexTarget>): IndexTarget => ({
  kind: 'index',
  action: 'reindex',
  name: null,
  schema: null,
  table: null,
  unique: false,
  ...change,
});

/** Leaves `<index>_ccnew`: a writer is in the way until the time is up. */
async function failedReindex(url: string, table: string, what: string): Promise<void> {
  const [writer, client] = [await connect(url), await connect(url)];
  await writer.query(`BEGIN; INSERT INTO ${table} VALUES (1)`);
  await client.query("SET statement_timeout = '400ms'");
  await expect(client.query(`REINDEX ${what}`)).rejects.toThrow('statement timeout');
  await writer.query('ROLLBACK');
}

const invalid = async (client: Client): Promise<string[]> => {
  const { rows } = await client.query(
    'SELECT indexrelid::regclass::text AS name FROM pg_index WHERE NOT indisvalid ORDER BY 1',
  );
  return rows.map(({ name }) => name);
};

describe.each(majors())('PostgreSQL %i', (major) => {
  test('a long name, which the server shortened', async () => {
    const url = await createDatabase(major);
    const client = await connect(url);
    const name = 'i'.repeat(60);
    await client.query(`CREATE TABLE t (a int); CREATE INDEX ${name} ON t (a) WHERE a > 0`);
    await failedReindex(url, 't', `INDEX CONCURRENTLY ${name}`);
    expect(await invalid(client)).toHaveLength(1);
    const db = await connectPg({ url });
    await dropReindexLeftovers(await runOn(db, url), reindex({ name }));
    expect(await invalid(client)).toEqual([]);
    await db.close();
  });

  test('of another table, or of another definition: left alone', async () => {
    const url = await createDatabase(major);
    const client = await connect(url);
    await client.query(`CREATE TABLE t (a int, b int); CREATE INDEX ia ON t (a); CREATE INDEX ia2 ON t (b);
      CREATE TABLE o (a int); CREATE INDEX ia3 ON o (a)`);
    await failedReindex(url, 'o', 'INDEX CONCURRENTLY ia3');
    await failedReindex(url, 't', 'INDEX CONCURRENTLY ia2');
    const db = await connectPg({ url });
    const parts = await runOn(db, url);
    const drop = (target: Partial<IndexTarget>) => dropReindexLeftovers(parts, reindex(target));
    expect(await invalid(client)).toEqual(['ia2_ccnew', 'ia3_ccnew']);
    await drop({ name: 'ia' });
    expect(await invalid(client)).toEqual(['ia2_ccnew', 'ia3_ccnew']);
    await drop({ name: 'ia2' });
    expect(await invalid(client)).toEqual(['ia3_ccnew']);
    await drop({ table: 'o' });
    expect(await invalid(client)).toEqual([]);
    await db.close();
  });

  test('a build that never began is not done because somebody made another index of that name', async () => {
    const url = await createDatabase(major);
    const client = await connect(url);
    await client.query('CREATE TABLE t (a int, b int)');
    const manifest = manifestOf(
      migration('0001_index', {
        up: [
          {
            sql: 'CREATE UNIQUE INDEX CONCURRENTLY ia ON t (a)',
            execution: 'non-transactional',
            target: { kind: 'index', action: 'create', name: 'ia', schema: null, table: 't', unique: true },
          },
        ],
      }),
    );
    let connections = 0;
    const first = await run(
      url,
      manifest,
      {},
      {
        connect: async () => {
          const db = await connectPg({ url });
          if (connections++ > 0) return db;
          db.executeOutside = async () => {
            await db.close();
            await client.query('CREATE INDEX ia ON t (b)');
            throw new ConnectionLostError('cut', '08006');
          };
          return db;
        },
      },
    );
    expect(connections).toBeGreaterThan(1);
    expect(first.outcome).toMatchObject({
      status: 'failed',
      error: { sqlstate: '42P07', message: 'relation "ia" already exists' },
    });
    await client.query('DROP INDEX ia');
    expect((await run(url, manifest)).outcome).toMatchObject({ status: 'done' });
    const { rows } = await client.query("SELECT indisunique FROM pg_index WHERE indexrelid = 'ia'::regclass");
    expect(rows).toEqual([{ indisunique: true }]);
  });
});
