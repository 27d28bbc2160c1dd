/** Functions of schema trueup run with the login's rights: whoever owns the schema must not be somebody with fewer. */
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { asSuperuser, connect, createDatabase, majors, urlOf } from '../support/database';
import { run } from '../support/engine';
import { manifestOf, migration } from '../support/manifest';

const one = manifestOf(migration('0001_t', { up: ['CREATE TABLE t (id int)'] }));

describe.each(majors())('PostgreSQL %i', (major) => {
  const withRole = async () => {
    const url = await createDatabase(major);
    const name = `squatter_${randomBytes(4).toString('hex')}`;
    await asSuperuser(major, `CREATE ROLE ${name} LOGIN PASSWORD 'x'`);
    await (await connect(url)).query(`GRANT CREATE ON DATABASE ${new URL(url).pathname.slice(1)} TO ${name}`);
    return { url, name, own: urlOf(url, { user: name, password: 'x' }) };
  };

  test('a schema that another role has made beforehand is not moved into', async () => {
    const { url, name, own } = await withRole();
    await (await connect(own)).query('CREATE SCHEMA trueup');
    const { outcome } = await run(url, one);
    expect(outcome).toMatchObject({
      status: 'failed',
      error: { code: 'privilege', message: expect.stringContaining(`schema trueup belongs to role ${name}`) },
    });
    expect((await (await connect(url)).query("SELECT to_regclass('t') AS t")).rows).toEqual([{ t: null }]);
  });

  test('nor is one that was given away since', async () => {
    const { url, name } = await withRole();
    expect((await run(url, one)).outcome.status).toBe('done');
    await (await connect(url)).query(`ALTER SCHEMA trueup OWNER TO ${name}`);
    expect((await run(url, one)).outcome).toMatchObject({ status: 'failed', error: { code: 'privilege' } });
  });

  test('a superuser may make it for another role, and a ledger may be that of another login', async () => {
    const { url, name, own } = await withRole();
    await (await connect(url)).query(`CREATE SCHEMA trueup; GRANT ALL ON SCHEMA trueup TO ${name};
      GRANT CREATE ON SCHEMA public TO ${name}`);
    expect((await run(own, one)).outcome.status).toBe('done');
    const second = await withRole();
    expect(
      (await run(second.own, manifestOf(migration('0001_s', { up: ['CREATE SCHEMA s'] })))).outcome.status,
    ).toBe('done');
    expect(
      (await run(second.url, manifestOf(migration('0001_s', { up: ['CREATE SCHEMA s'] })))).outcome.status,
    ).toBe('done');
  });
});
