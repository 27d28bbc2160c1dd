/** The first run's database and role, made by a master user like RDS's: it may make roles and databases, and is no superuser. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDatabase, createRole, grantAccess } from '../../lambda/migrate/bootstrap';
import type { Database } from '../../lambda/postgres/database';
import { connectPg } from '../../lambda/postgres/pg';
import { quoteIdentifier } from '../../lambda/sql/quote';
import { asSuperuser, majors, serverUrl, urlOf } from '../support/database';

describe.each(majors())('PostgreSQL %i', (major) => {
  const id = randomBytes(4).toString('hex');
  // Names that need quotes: nothing here may be looked up folded, or as SQL.
  const name = (what: string): string => `${what} "É" ${id}`;
  const master = `master_${id}`;
  const databases: string[] = [];
  const open = new Set<Database>();
  const as = async (user: string, database = 'postgres'): Promise<Database> => {
    const db = await connectPg({ url: urlOf(serverUrl(major), { user, password: 'x', database }) });
    open.add(db);
    return db;
  };
  const sql = (text: string): Promise<void> => asSuperuser(major, text);
  const database = (what: string): string => {
    databases.push(name(what));
    return name(what);
  };
  const ownerOf = async (db: Database): Promise<unknown> =>
    (
      await db.query(
        'SELECT pg_get_userbyid(datdba)::text AS owner FROM pg_database WHERE datname = current_database()',
      )
    )[0]!.owner;
  /** As a migration does it: schema trueup by the login role, tables as the owner. */
  const migrate = async (user: string, where: string, owner: string | null): Promise<void> => {
    const db = await as(user, where);
    const role = owner === null ? [] : [`SET LOCAL ROLE ${quoteIdentifier(owner)}`];
    await db.execute([{ statements: ['CREATE SCHEMA trueup', ...role, 'CREATE TABLE t (id int)'] }]);
  };
  const login = async (what: string): Promise<string> => {
    await sql(`ALTER ROLE ${quoteIdentifier(name(what))} PASSWORD 'x'`);
    return name(what);
  };

  beforeAll(async () => {
    await sql(`DO $$ BEGIN CREATE ROLE rds_iam NOLOGIN; EXCEPTION WHEN duplicate_object THEN END $$;
      CREATE ROLE ${master} LOGIN CREATEDB CREATEROLE PASSWORD 'x';
      GRANT rds_iam TO ${master} WITH ADMIN OPTION`);
  });
  afterAll(async () => {
    await Promise.all([...open].map((db) => db.close()));
    for (const each of databases) {
      await sql(`DROP DATABASE IF EXISTS ${quoteIdentifier(each)} WITH (FORCE)`);
    }
  });

  it('a database for an owner that the master user has made', async () => {
    const admin = await as(master);
    await admin.execute([{ statements: [`CREATE ROLE ${quoteIdentifier(name('owner'))} NOLOGIN`] }]);
    expect(await createDatabase(admin, database('shop'), name('owner'))).toBe(true);
    expect(await createDatabase(admin, name('shop'), name('owner'))).toBe(false);
    const there = await as(master, name('shop'));
    expect(await ownerOf(there)).toBe(name('owner'));
    const access = { role: name('migrator'), database: name('shop'), ownerRole: name('owner') };
    expect(await createRole(there, access)).toBe(true);
    expect(await createRole(there, access)).toBe(false);
    await migrate(await login('migrator'), name('shop'), name('owner'));
    // The master user itself, where it is the one that logs in.
    expect(await createDatabase(admin, database('shop by master'), name('owner'))).toBe(true);
    await migrate(master, name('shop by master'), name('owner'));
  });

  it('a second database with the same role, with and without an owner', async () => {
    const admin = await as(master);
    for (const owner of [null, name('owner of both')]) {
      const of = (what: string) => `${what} ${owner === null}`;
      const role = name(of('shared'));
      if (owner !== null)
        await admin.execute([{ statements: [`CREATE ROLE ${quoteIdentifier(owner)} NOLOGIN`] }]);
      for (const each of [database(of('one')), database(of('two'))]) {
        expect(await createDatabase(admin, each, owner)).toBe(true);
        const there = await as(master, each);
        // What others made has no way in by itself.
        await there.execute([
          { statements: [`REVOKE ALL ON DATABASE ${quoteIdentifier(each)} FROM PUBLIC`] },
        ]);
        const access = { role, database: each, ownerRole: owner };
        if (!(await createRole(there, access))) await grantAccess(there, access);
        await migrate(await login(of('shared')), each, owner);
      }
    }
  });

  it('a role that somebody else has made, and let act as the owner', async () => {
    await sql(`CREATE ROLE ${quoteIdentifier(name('theirs'))} LOGIN PASSWORD 'x';
      CREATE ROLE ${quoteIdentifier(name('their owner'))} NOLOGIN;
      GRANT ${quoteIdentifier(name('their owner'))} TO ${quoteIdentifier(name('theirs'))}, ${master}`);
    const admin = await as(master);
    await createDatabase(admin, database('for them'), name('their owner'));
    const there = await as(master, name('for them'));
    const access = { role: name('theirs'), database: name('for them'), ownerRole: name('their owner') };
    expect(await createRole(there, access)).toBe(false);
    await grantAccess(there, access);
    await migrate(name('theirs'), name('for them'), name('their owner'));
  });

  it('what the master user may not give is said as the GRANT, and works once it is given', async () => {
    const owner = quoteIdentifier(name('stranger'));
    await sql(`CREATE ROLE ${owner} ${major >= 16 ? 'NOLOGIN' : 'SUPERUSER'}`);
    const admin = await as(master);
    const failed = await createDatabase(admin, database('not ours'), name('stranger')).catch((e) => e);
    expect(failed).toMatchObject({
      name: 'TrueupError',
      info: { code: 'privilege', message: expect.stringContaining(master), sqlstate: '42501' },
    });
    const [, grant] = /deploy again: (.*;)$/.exec(failed.info.remedy)!;
    await sql(grant!);
    expect(await createDatabase(admin, name('not ours'), name('stranger'))).toBe(true);
  });

  it('a role that may make neither databases nor roles is told what to run', async () => {
    await sql(`CREATE ROLE plain_${id} LOGIN PASSWORD 'x'; GRANT rds_iam TO plain_${id}`);
    const plain = await as(`plain_${id}`);
    const refused = await createDatabase(plain, database('plain'), null).catch((e) => e);
    expect(refused.info.remedy).toContain(`ALTER ROLE "plain_${id}" CREATEDB;`);
    const access = { role: name('by plain'), database: 'postgres', ownerRole: name('owner') };
    const byHand = await createRole(plain, access).catch((e) => e);
    expect(byHand.info.remedy).toMatch(
      /again: CREATE ROLE .* LOGIN; GRANT rds_iam TO .*; GRANT CONNECT, CREATE/,
    );
  });

  it('an owner that does not exist is said', async () => {
    const failed = await createDatabase(await as(master), database('nobody'), name('nobody')).catch((e) => e);
    expect(failed.info).toMatchObject({
      code: 'privilege',
      message: expect.stringContaining('does not exist'),
    });
  });

  it('four first runs at once', async () => {
    const admin = await as(master);
    const owner = name('common');
    await admin.execute([{ statements: [`CREATE ROLE ${quoteIdentifier(owner)} NOLOGIN`] }]);
    const access = { role: name('racer'), database: database('race'), ownerRole: owner };
    await Promise.all(
      Array.from({ length: 4 }, async () => {
        await createDatabase(await as(master), access.database, owner);
        const there = await as(master, access.database);
        await createRole(there, access);
        await grantAccess(there, access);
      }),
    );
    await migrate(await login('racer'), access.database, owner);
  });

  it('a grant that this session sees late is no lack of a privilege', async () => {
    const admin = await as(master);
    const owner = name('late');
    await admin.execute([{ statements: [`CREATE ROLE ${quoteIdentifier(owner)} NOLOGIN`] }]);
    let granted = false;
    const late: Database = Object.assign(Object.create(admin), {
      execute: async (...args: Parameters<Database['execute']>) => {
        granted = true;
        return admin.execute(...args);
      },
      query: async (...args: Parameters<Database['query']>) => {
        const rows = await admin.query(...args);
        if (!granted) return rows;
        granted = false;
        return rows.map((row) => ({ ...row, holds: false }));
      },
    });
    expect(await createDatabase(late, database('late'), owner)).toBe(true);
  });
});
