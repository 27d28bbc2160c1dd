/** `trueup audit --write` as a process: the folder that it writes is checked, tried, deployed, and the second audit is silent. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { decided } from '../audit/round-trip';
import { trueup } from '../cli/trueup';
import { connect, createDatabase, majors } from '../support/database';

const scratch = mkdtempSync(join(tmpdir(), 'trueup-test-'));
afterAll(() => rmSync(scratch, { recursive: true }));
const place = (name: string): string => join(mkdtempSync(join(scratch, 'f-')), name);

const database = async (major: number, schema: string): Promise<string> => {
  const url = await createDatabase(major);
  await (await connect(url)).query(schema);
  return url;
};

const CANARY = 'c4n4ry';
/** With everything that a name may hold. */
const ODD = `o"d\n<b>.${'é'.repeat(20)}`;
const quoted = `"${ODD.replaceAll('"', '""')}"`;

/** One that any owner of a database may make, and one that takes a superuser. */
const extensionsIn = (schema: string): string =>
  `CREATE SCHEMA brought; CREATE EXTENSION citext SCHEMA ${schema}; CREATE EXTENSION pageinspect SCHEMA ${schema};`;

/** `postgres` is the superuser here, and a plain role where the database is moved to. */
const GRANTED = `
  DO $$ BEGIN IF to_regrole('audit_write_maker') IS NULL THEN CREATE ROLE audit_write_maker; END IF; END $$;
  ALTER DEFAULT PRIVILEGES FOR ROLE postgres, audit_write_maker IN SCHEMA public GRANT SELECT ON TABLES TO PUBLIC;`;

const SHOP = `${extensionsIn('brought')} ${GRANTED}
  CREATE TABLE customers (id bigserial PRIMARY KEY, email text NOT NULL, "order" int DEFAULT 7);
  CREATE UNIQUE INDEX one_email ON customers (email);
  CREATE TABLE orders (id bigserial PRIMARY KEY, customer bigint REFERENCES customers ON DELETE CASCADE);
  CREATE SCHEMA ${quoted};
  CREATE TABLE ${quoted}.customers (${quoted} text PRIMARY KEY, parent text REFERENCES ${quoted}.customers, other bigint REFERENCES customers);
  CREATE VIEW a AS SELECT id FROM customers; CREATE VIEW z AS SELECT id FROM a; ALTER VIEW a RENAME TO zz;`;
const AFTER = `${extensionsIn('public')}
  CREATE TABLE customers (id bigint PRIMARY KEY, email text NOT NULL, "order" int);
  CREATE TABLE orders (id bigint PRIMARY KEY, customer bigint);
  INSERT INTO customers VALUES (1, '${CANARY}'), (2, '${CANARY}'), (41, 'b');
  INSERT INTO orders VALUES (1, 1), (2, 77);`;

describe.each(majors())('PostgreSQL %i', (major) => {
  test('written, refused until it is decided, tried, deployed, silent', async () => {
    const source = await database(major, SHOP);
    const target = await database(major, AFTER);
    const folder = place('found');
    const args = ['audit', '--database-url', target, '--from', source];
    const first = await trueup([...args, '--write', folder, '--json']);
    expect(first).toMatchObject({ code: 6 });
    const { findings, written } = JSON.parse(first.stdout);
    const files = readdirSync(folder).filter((name) => name.endsWith('.sql'));
    expect(written).toEqual({ folder, files, decisions: 4, unwritten: [] });
    for (const { fix } of findings) expect(files.map((name) => join(folder, name))).toContain(fix);
    const texts = [...files, join('base', '0000_as_found.sql')].map((name) =>
      readFileSync(join(folder, name), 'utf8'),
    );
    expect(first.stdout + first.stderr + texts.join('')).not.toContain(CANARY);
    expect(
      texts
        .join('\n')
        .split('\n')
        .filter((line) => /^\s*DROP (?!INDEX CONCURRENTLY)/.test(line)),
    ).toEqual([]);

    const refused = await trueup(['check', folder]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(
      /a decision is open: 1 group of rows in public\.customers shares a key of one_email/,
    );
    expect(refused.stderr).toMatch(
      /a decision is open: 1 row of public\.orders refers by \(customer\) to rows/,
    );
    expect(await trueup(['up', '--database-url', target, folder])).toMatchObject({ code: 1 });

    await (await connect(target)).query(
      'DELETE FROM customers WHERE id = 2; DELETE FROM orders WHERE id = 2',
    );
    for (const name of files)
      writeFileSync(join(folder, name), decided(readFileSync(join(folder, name), 'utf8')));
    const tried = await trueup(['check', '--run', '--major', String(major), folder]);
    expect(tried.stderr + tried.stdout).toMatch(/the base, on a PostgreSQL .* verified, none drifted/);
    expect(tried.code).toBe(0);
    const up = await trueup(['up', '--database-url', target, folder]);
    expect(up.stderr).not.toMatch(/error/);
    expect(up.code).toBe(0);
    const second = await trueup([...args, '--json']);
    expect(JSON.parse(second.stdout).findings).toEqual([]);
    const { rows } = await (await connect(target)).query(
      "INSERT INTO customers (email) VALUES ('c') RETURNING id",
    );
    expect(rows).toEqual([{ id: '42' }]);
  });
});
