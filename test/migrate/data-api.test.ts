/** Diagnosis and drift check over the Data API: one statement a call, no session, no settings. */
import { afterAll, describe, expect, it } from 'vitest';
import type { DiagnosisRequest } from '../../lambda/contract/diagnosis';
import { makeManifest } from '../../lambda/contract/manifest';
import { DEFECT_KINDS } from '../../lambda/defects';
import { answerQuestions } from '../../lambda/migrate/diagnosis';
import { checkDrift } from '../../lambda/migrate/drift';
import { connectDataApi } from '../../lambda/postgres/data-api/database';
import { type DataApiEndpoint, startDataApi } from '../support/aws/data-api';
import { connect, createDatabase, majors } from '../support/database';

const endpoints: DataApiEndpoint[] = [];
afterAll(async () => {
  await Promise.all(endpoints.map((endpoint) => endpoint.close()));
});

async function open(major: number) {
  const url = await createDatabase(major);
  const { hostname, port, username, password, pathname } = new URL(url);
  const endpoint = await startDataApi({ host: hostname, port: Number(port), secret: { username, password } });
  endpoints.push(endpoint);
  const database = pathname.slice(1);
  return { url, database, connect: () => connectDataApi({ ...endpoint, database }) };
}

describe.each(majors())('PostgreSQL %i', (major) => {
  it('answers the questions of every signature', async () => {
    const made = await open(major);
    await (await connect(made.url)).query(`
      CREATE TABLE accounts (id uuid PRIMARY KEY, note text);
      CREATE TABLE services (account_id varchar(40), a int, b int);
      CREATE UNIQUE INDEX ux ON services (a, b) WHERE a > 0`);
    const question = (change: Partial<DiagnosisRequest>): DiagnosisRequest => ({
      signature: 'not-null',
      database: made.database,
      user: 'app',
      table: null,
      column: null,
      message: '',
      statement: null,
      ...change,
    });
    const answers = await answerQuestions(
      [
        question({ table: 'accounts', column: 'id' }),
        question({
          signature: 'on-conflict',
          statement: 'INSERT INTO services (a) VALUES (?) ON CONFLICT (b, a) DO NOTHING',
        }),
        question({ signature: 'uuid-function', message: 'function uuid_generate_v4() does not exist' }),
        question({ signature: 'key-types', message: 'operator does not exist: uuid = character varying' }),
      ],
      { namespace: 'shop', manifest: makeManifest([]), connect: made.connect, deadline: Date.now() + 30_000 },
    );
    expect(answers.map(({ kind, case: which }) => [kind, which])).toEqual([
      ['missing-primary-key-default', null],
      ['missing-conflict-predicate', 'predicate-missing'],
      ['missing-uuid-function', 'absent'],
      ['mismatched-key-types', null],
    ]);
  });

  it('runs every catalog query, and the drift check', async () => {
    const made = await open(major);
    const client = await connect(made.url);
    await client.query(
      'CREATE TABLE t (id int); ALTER TABLE t ADD CONSTRAINT later CHECK (id > 1) NOT VALID',
    );
    const db = await made.connect();
    for (const kind of DEFECT_KINDS) {
      for (const names of [
        [null, null],
        ['t', 'id'],
      ])
        await db.query(kind.catalog.sql, names);
    }
    await db.close();
    const report = await checkDrift(
      { connect: made.connect, manifest: makeManifest([]), deadline: Date.now() + 30_000 },
      'shop',
    );
    expect(report.audit?.named).toMatchObject([
      { id: 'unvalidated-constraint', message: expect.stringMatching(/later on public\.t is NOT VALID/) },
    ]);
    expect(report.logging).toEqual([]);
  });
});
