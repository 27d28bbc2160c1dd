/** Foreign keys that are there and that nothing checks, and rows that came meanwhile. */
import { beforeAll, describe, expect, test } from 'vitest';
import { audit } from '../../lib/audit/audit';
import { loadParser } from '../../lib/compiler/read/parser';
import { asSuperuser, connect, createDatabase, majors, urlOf } from '../support/database';
import { roundTrip } from './round-trip';
import { readOnly } from './support';

beforeAll(() => loadParser());

const TABLES = `
  CREATE TABLE parents (id int PRIMARY KEY, above int, CONSTRAINT tree FOREIGN KEY (above) REFERENCES parents DEFERRABLE);
  CREATE TABLE children (id int PRIMARY KEY, parent_id int);
  ALTER TABLE children ADD CONSTRAINT known FOREIGN KEY (parent_id) REFERENCES parents ON DELETE CASCADE;
  COMMENT ON CONSTRAINT known ON children IS 'nobody without';
  CREATE TABLE parts (region int, parent_id int REFERENCES parents) PARTITION BY LIST (region);
  CREATE TABLE part PARTITION OF parts DEFAULT;
  INSERT INTO parents VALUES (1); INSERT INTO children VALUES (1, 1); INSERT INTO part VALUES (1, 1);`;

const insert = (id: number) => `INSERT INTO children VALUES (${id}, 777)`;

describe.each(majors())('PostgreSQL %i', (major) => {
  test('an owner who is no superuser makes them again', async () => {
    const url = await createDatabase(major);
    const owner = `owner_${process.pid}_${major}`;
    const database = new URL(url).pathname.slice(1);
    await asSuperuser(major, `CREATE ROLE ${owner} LOGIN PASSWORD 'w'`);
    await asSuperuser(major, `ALTER DATABASE "${database}" OWNER TO ${owner}`);
    const superuser = await connect(url);
    await superuser.query(`ALTER SCHEMA public OWNER TO ${owner}; SET ROLE ${owner}; ${TABLES} RESET ROLE;
      ALTER TABLE children DISABLE TRIGGER ALL; ALTER TABLE parents DISABLE TRIGGER ALL; ALTER TABLE part DISABLE TRIGGER ALL;`);
    await superuser.query(insert(2));
    const target = await readOnly(url);
    const asOwner = urlOf(url, { user: owner, password: 'w' });
    const { written, left, first } = await roundTrip(asOwner, target, { version: '0' }, () =>
      superuser.query('DELETE FROM children WHERE id = 2'),
    );
    expect(
      first.findings
        .filter(({ confidence }) => confidence === 'A')
        .map(({ id, object }) => `${id} ${object}`),
    ).toEqual([
      'constraint-not-enforced public.children.parent_id',
      'orphaned-rows public.children.parent_id',
      'constraint-not-enforced public.parents.above',
      'constraint-not-enforced public.parts.parent_id',
    ]);
    expect(written.files.find(({ text }) => text.includes(' known '))?.text).toContain(
      '-- migrate:decide 1 row',
    );
    expect(left.filter(({ confidence }) => confidence < 'D')).toEqual([]);
    await expect(superuser.query(insert(3))).rejects.toThrow('violates foreign key');
    await superuser.query('DELETE FROM parents WHERE id = 1').catch(() => {});
    const { rows } = await superuser.query(
      `SELECT obj_description(oid, 'pg_constraint') AS said, condeferrable AS later FROM pg_constraint WHERE conname IN ('known', 'tree') ORDER BY conname`,
    );
    expect(rows).toEqual([
      { said: 'nobody without', later: false },
      { said: null, later: true },
    ]);
  });

  test.runIf(major >= 18)('NOT ENFORCED, with a source that enforces it', async () => {
    const [from, to] = [await createDatabase(major), await createDatabase(major)];
    await (await connect(from)).query(TABLES);
    const target = await connect(to);
    await target.query(`${TABLES} ALTER TABLE children ALTER CONSTRAINT known NOT ENFORCED;`);
    await target.query(insert(2));
    const { first, left } = await roundTrip(
      to,
      await readOnly(to),
      { version: '0', source: await readOnly(from) },
      () => target.query('DELETE FROM children WHERE id = 2'),
    );
    expect(first.findings.map(({ confidence, id }) => `${confidence} ${id}`)).toEqual([
      'A constraint-not-enforced',
      'A orphaned-rows',
    ]);
    expect(left).toEqual([]);
    await expect(target.query(insert(3))).rejects.toThrow('violates foreign key');
  });

  test.runIf(major >= 18)(
    'a CHECK that is NOT ENFORCED, alone and with a source that enforces it',
    async () => {
      const make = (how: string) => `CREATE TABLE goods (id int PRIMARY KEY, price int);
      ALTER TABLE goods ADD CONSTRAINT paid CHECK (price > 0) ${how}; COMMENT ON CONSTRAINT paid ON goods IS 'no gifts';`;
      const [from, to] = [await createDatabase(major), await createDatabase(major)];
      await (await connect(from)).query(make(''));
      const target = await connect(to);
      await target.query(`${make('NOT ENFORCED')} INSERT INTO goods VALUES (1, -1)`);
      const alone = await audit(await readOnly(to), { version: '0' });
      const { first, written, left } = await roundTrip(
        to,
        await readOnly(to),
        { version: '0', source: await readOnly(from) },
        () => target.query('DELETE FROM goods'),
      );
      for (const { findings } of [alone, first])
        expect(findings.map(({ confidence, id, message }) => `${confidence} ${id} ${message}`)).toEqual([
          'A constraint-not-enforced CHECK constraint paid on public.goods is not enforced: it is declared NOT ENFORCED.',
        ]);
      expect(written.files.map(({ text }) => text).join('')).toContain(
        '-- migrate:decide paid on public.goods is NOT ENFORCED',
      );
      expect(left).toEqual([]);
      await expect(target.query('INSERT INTO goods VALUES (2, -1)')).rejects.toThrow('violates check');
      const { rows } = await target.query(
        "SELECT obj_description(oid, 'pg_constraint') AS said FROM pg_constraint WHERE conname = 'paid'",
      );
      expect(rows).toEqual([{ said: 'no gifts' }]);
    },
  );

  test('MATCH FULL: a row that is NULL in part has no parent', async () => {
    const [from, to] = [await createDatabase(major), await createDatabase(major)];
    const make = (
      how: string,
    ) => `CREATE TABLE pairs (a int, b int, PRIMARY KEY (a, b)); INSERT INTO pairs VALUES (1, 1);
      CREATE TABLE uses (id int PRIMARY KEY, a int, b int, "x MATCH FULL" int);
      ALTER TABLE uses ADD CONSTRAINT whole FOREIGN KEY (a, b) REFERENCES pairs MATCH FULL;
      ALTER TABLE uses ADD CONSTRAINT part FOREIGN KEY ("x MATCH FULL", b) REFERENCES pairs;
      SET session_replication_role = replica; INSERT INTO uses VALUES (1, 1, 1, 1), (2, NULL, NULL, 7), (3, 1, NULL, 7); RESET session_replication_role;
      ${how}`;
    await (await connect(from)).query(make('DELETE FROM uses WHERE id = 3'));
    const target = await connect(to);
    await target.query(make(''));
    const fullScan = await audit(await readOnly(to), { version: '0', fullScan: true });
    const found = fullScan.findings.filter(({ id }) => id === 'orphaned-rows');
    expect(found.map(({ evidence, message }) => [evidence[0], message])).toEqual([
      ['foreign key: whole', '1 row of public.uses refers by (a, b) to rows that do not exist.'],
    ]);
    await target.query('ALTER TABLE uses DISABLE TRIGGER ALL');
    const options = { version: '0', source: await readOnly(from) };
    const { written, left } = await roundTrip(to, await readOnly(to), options, () =>
      target.query('DELETE FROM uses WHERE id = 3'),
    );
    expect(written.files.find(({ text }) => text.includes(' whole '))?.text).toContain(
      'WHERE (t.a IS NOT NULL OR t.b IS NOT NULL)',
    );
    expect(left.filter(({ confidence }) => confidence < 'D')).toEqual([]);
  });

  test('rows without a parent under what is there are counted with --full-scan, where = is the server’s', async () => {
    const url = await createDatabase(major);
    const db = await connect(url);
    await db.query(`${TABLES} CREATE EXTENSION citext; CREATE TYPE mood AS ENUM ('good', 'bad');
      CREATE TABLE names (name citext PRIMARY KEY); CREATE TABLE uses (name citext REFERENCES names);
      INSERT INTO names VALUES ('Anna'); INSERT INTO uses VALUES ('anna');
      CREATE TABLE moods (mood mood PRIMARY KEY); CREATE TABLE felt (mood mood REFERENCES moods);
      SET session_replication_role = replica; INSERT INTO felt VALUES ('bad'); ${insert(2)}; RESET session_replication_role;`);
    const target = await readOnly(url);
    const shallow = await audit(target, { version: '0' });
    expect(shallow.findings.filter(({ confidence }) => confidence === 'A')).toEqual([]);
    expect(shallow.notChecked.map(({ what }) => what)).toContain(
      'duplicates and orphaned rows under existing keys',
    );
    const { findings, notChecked } = await audit(target, { version: '0', fullScan: true });
    expect(
      findings.filter(({ confidence }) => confidence === 'A').map(({ id, object }) => `${id} ${object}`),
    ).toEqual(['orphaned-rows public.children.parent_id', 'orphaned-rows public.felt.mood']);
    expect(notChecked).toContainEqual({
      what: 'orphaned rows',
      of: { schema: 'public', name: 'uses' },
      why: 'uses_name_fkey does not compare with the = that is built into PostgreSQL',
    });
  });
});
