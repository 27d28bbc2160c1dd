import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectDataApi } from '../../lambda/postgres/data-api/database';
import type { Database } from '../../lambda/postgres/database';
import { buildLongText, readLongText } from '../../lambda/postgres/long-text';
import { connectPg } from '../../lambda/postgres/pg';
import { type DataApiEndpoint, startDataApi } from '../support/aws/data-api';
import { createDatabase } from '../support/database';

describe('long texts', () => {
  let endpoint: DataApiEndpoint;
  const transports: Record<string, Database> = {};

  beforeAll(async () => {
    const url = await createDatabase();
    const { hostname, port, username, password, pathname } = new URL(url);
    endpoint = await startDataApi({
      host: hostname,
      port: Number(port),
      secret: { username, password },
    });
    transports.pg = await connectPg({ url });
    transports['Data API'] = await connectDataApi({ ...endpoint, database: pathname.slice(1) });
    await transports.pg.query('CREATE TABLE texts (name text, t text)');
  });
  afterAll(async () => {
    await Promise.all(Object.values(transports).map((db) => db.close()));
    await endpoint.close();
  });

  it('leaves a short one as it is', () => {
    expect(buildLongText("it's")).toEqual({ statements: [], expression: "'it''s'" });
  });

  it.each(['pg', 'Data API'])('go through %s and back', async (name) => {
    const db = transports[name]!;
    const text = `😀'\\"žluť\n${'x'.repeat(14_988)}`.repeat(70);
    const { statements, expression } = buildLongText(text);
    expect(statements.length).toBeGreaterThan(69);
    await db.execute([
      { statements: [...statements, `INSERT INTO texts VALUES ('${name}', ${expression})`] },
    ]);
    const sql = 'SELECT t FROM texts WHERE name = $1';
    expect(await readLongText(db, sql, [name])).toBe(text);
    expect(await readLongText(db, sql, ['nobody'])).toBeNull();
  });

  it('reads again what changes between two answers', async () => {
    const api = transports['Data API']!;
    const texts = ['a', 'b'].map((letter) => letter.repeat(300_000));
    let calls = 0;
    const changing: Database = {
      ...api,
      capabilities: api.capabilities,
      query: (_sql, params) => {
        // The first answer is about the first text, all others about the second.
        const sql = _sql.replace('changing', `SELECT '${calls++ === 0 ? 'a' : 'b'}'`);
        return api.query(sql, params);
      },
    };
    expect(await readLongText(changing, 'SELECT repeat((changing), 300000)', [])).toBe(texts[1]);
    expect(calls).toBeGreaterThan(3);
  });
});
