/** The drift check and a diagnosis connect once; afterwards names mean what they mean to the role. */
import { expect, test } from 'vitest';
import { answerQuestions } from '../../lambda/migrate/diagnosis';
import { checkDrift } from '../../lambda/migrate/drift';
import { connectPg } from '../../lambda/postgres/pg';
import { createDatabase } from '../support/database';
import { up } from '../support/engine';
import { manifestOf, migration } from '../support/manifest';

test('one connection for the catalog, the log settings, the ledger and every verify section', async () => {
  const url = await createDatabase();
  // Of the application's schema, which a path that is pinned for the catalog does not hold.
  const manifest = manifestOf(
    migration('0001_t', { up: ['CREATE TABLE t (id int)'], verify: "SELECT 'no table' FROM t WHERE false" }),
  );
  await up(url, manifest);
  let connections = 0;
  const connect = () => {
    connections++;
    return connectPg({ url, readOnly: true });
  };
  const context = { connect, manifest, deadline: Date.now() + 30_000, namespace: 'app' };
  const { verification, logging } = await checkDrift(context, 'app');
  expect(verification).toMatchObject({ verified: ['0001_t'], findings: [], errors: [] });
  expect(logging.join()).not.toMatch(/failed/);
  expect(connections).toBe(1);
  const question = {
    signature: 'not-null',
    database: new URL(url).pathname.slice(1),
    user: 'postgres',
    table: 't',
    column: 'id',
    message: 'null value in column "id" of relation "t" violates not-null constraint',
    statement: 'INSERT INTO t DEFAULT VALUES',
  };
  expect(await answerQuestions([question, question], context)).toHaveLength(2);
  expect(connections).toBe(2);
});
