/** What is said of a connection that a server refuses, by the server's own words. */
import { expect, test } from 'vitest';
import { describeConnectionError } from '../../lambda/engine/apply/connection-failures';
import { ConnectionLostError } from '../../lambda/postgres/database';
import { connectPg } from '../../lambda/postgres/pg';
import { connect, createDatabase, majors } from '../support/database';

test.each(majors())('PostgreSQL %i: who may not connect is told what to grant', async (major) => {
  const url = new URL(await createDatabase(major));
  const database = url.pathname.slice(1);
  const role = `${database}_r`;
  await (await connect(url.href)).query(
    `CREATE ROLE ${role} LOGIN PASSWORD 'x'; REVOKE CONNECT ON DATABASE ${database} FROM PUBLIC`,
  );
  url.username = role;
  url.password = 'x';
  const refused = await connectPg({ url: url.href }).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(ConnectionLostError);
  expect(describeConnectionError(refused as ConnectionLostError)).toMatchObject({
    sqlstate: '42501',
    message: `the database refused the role: permission denied for database "${database}"`,
    remedy: expect.stringContaining('GRANT CONNECT'),
  });
});
