/** With an owner role, "$user" in the search_path is that role: for `up`, and so for all that comes after it. */
import { randomBytes } from 'node:crypto';
import type { Client } from 'pg';
import { describe, expect, test } from 'vitest';
import { verify } from '../../lambda/engine';
import { connectDataApi } from '../../lambda/postgres/data-api/database';
import type { Database } from '../../lambda/postgres/database';
import { connectPg } from '../../lambda/postgres/pg';
import { startDataApi } from '../support/aws/data-api';
import { asSuperuser, connect, createDatabase, majors, urlOf } from '../support/database';
import { contextFor, progressed, run, runUntil } from '../support/engine';
import { manifestOf, migration } from '../support/manifest';

const customers = migration('0001_customers', {
  up: ['CREATE TABLE customers (id int PRIMARY KEY, email text)'],
  verify: "SELECT * FROM trueup.has_column('customers', 'email')",
});
const index = migration('0002_index', {
  up: [
    {
      sql: 'CREATE INDEX CONCURRENTLY customers_email ON customers (email)',
      execution: 'non-transactional',
      target: {
        kind: 'index',
        action: 'create',
        name: 'customers_email',
        schema: null,
        table: 'customers',
        unique: false,
      },
    },
  ],
  verify: "SELECT * FROM trueup.is_indexed('customers', ARRAY['email'])",
});
const locked = migration('0003_locked', {
  up: [
    {
      sql: 'ALTER TABLE customers ADD COLUMN age int',
      locks: [{ relation: 'customers', mode: 'ACCESS EXCLUSIVE', created: false }],
    },
  ],
  verify: "SELECT * FROM trueup.has_column('customers', 'age')",
});

interface Roles {
  readonly url: string;
  readonly admin: Client;
  readonly owner: string;
}

async function withOwner(major: number, work: (roles: Roles) => Promise<void>): Promise<void> {
  const url = await createDatabase(major);
  const database = new URL(url).pathname.slice(1);
  const admin = await connect(url);
  const suffix = randomBytes(4).toString('hex');
  const [owner, login] = [`owner_${suffix}`, `login_${suffix}`];
  await admin.query(`CREATE ROLE ${owner}; CREATE ROLE ${login} LOGIN PASSWORD 'x';
    GRANT ${owner} TO ${login} ${major >= 16 ? 'WITH INHERIT TRUE, SET TRUE' : ''};
    GRANT CREATE ON DATABASE ${database} TO ${login}; CREATE SCHEMA ${owner} AUTHORIZATION ${owner}`);
  try {
    await work({ url: urlOf(url, { user: login, password: 'x' }), admin, owner });
  } finally {
    await admin.query(`DROP OWNED BY ${login}, ${owner} CASCADE`);
    await asSuperuser(major, `DROP OWNED BY ${login}, ${owner}; DROP ROLE ${login}, ${owner}`);
  }
}

describe.each(majors())('PostgreSQL %i', (major) => {
  test('up, CONCURRENTLY, repair, waiting and the drift check', () =>
    withOwner(major, async ({ url, admin, owner }) => {
      const both = manifestOf(customers, index);
      // What a build left that was killed: INVALID, and recorded as ours.
      const once = async (): Promise<Database> => {
        const db = await connectPg({ url });
        const build = db.executeOutside.bind(db);
        db.executeOutside = async (sql, settings, options) => {
          // As if the server had died before it recorded the end.
          await build(sql, settings, {});
          await admin.query('UPDATE pg_index SET indisvalid = false WHERE indexrelid = $1::regclass', [
            `${owner}.customers_email`,
          ]);
          await db.close();
          return db.executeOutside(sql, settings, options);
        };
        return db;
      };
      let connections = 0;
      const connectOnce = () => (connections++ === 0 ? once() : connectPg({ url }));
      const built = await run(url, both, { ownerRole: owner }, { connect: connectOnce });
      expect(built.outcome).toMatchObject({ status: 'done' });
      expect(connections).toBe(2);
      const { rows } = await admin.query(
        `SELECT tableowner AS owner, indexdef FROM pg_tables JOIN pg_indexes USING (schemaname, tablename)
         WHERE schemaname = $1 AND indexname = 'customers_email'`,
        [owner],
      );
      expect(rows).toEqual([{ owner, indexdef: expect.stringContaining(`ON ${owner}.customers`) }]);

      await admin.query(`BEGIN; SELECT FROM ${owner}.customers`);
      const all = manifestOf(customers, index, locked);
      const waiting = await runUntil(progressed('holds'), url, all, { ownerRole: owner }, 1_500);
      await admin.query('ROLLBACK');
      expect(waiting.outcome).toMatchObject({
        status: 'continue',
        progress: expect.stringContaining(`holds AccessShareLock on ${owner}.customers`),
      });

      const verified = { verified: ['0001_customers', '0002_index'], findings: [], errors: [] };
      expect(await verify(contextFor(url, both), 'app', owner)).toMatchObject(verified);
      expect((await verify(contextFor(url, both), 'app')).findings).toHaveLength(2);
    }));

  test('over the Data API CONCURRENTLY is refused where the login role would look elsewhere', () =>
    withOwner(major, async ({ url, admin, owner }) => {
      const { hostname, port, username, password, pathname } = new URL(url);
      const both = manifestOf(customers, index);
      const runByApi = async () => {
        // Its sessions are kept, with the settings that they began with; another endpoint has new ones.
        const endpoint = await startDataApi({
          host: hostname,
          port: Number(port),
          secret: { username, password },
        });
        const connectApi = () => connectDataApi({ ...endpoint, database: pathname.slice(1) });
        try {
          return (await run(url, both, { ownerRole: owner }, { connect: connectApi })).outcome;
        } finally {
          await endpoint.close();
        }
      };
      expect(await runByApi()).toMatchObject({
        status: 'failed',
        error: {
          code: 'unsupported',
          migration: '0002_index',
          message: `over the Data API, CREATE INDEX runs as the login role, whose unqualified names are looked up in {public}; those of ${owner} are looked up in other schemas`,
          remedy: expect.stringContaining('search_path'),
        },
      });
      // In this database only: an audit that another test runs on this server would see it in one of its databases.
      await admin.query(
        `ALTER ROLE ${username} IN DATABASE ${pathname.slice(1)} SET search_path = ${owner}, public`,
      );
      expect(await runByApi()).toMatchObject({ status: 'done', report: { applied: ['0002_index'] } });
    }));
});
