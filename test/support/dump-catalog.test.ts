import { describe, expect, test } from 'vitest';
import { connect, createDatabase, majors } from '../support/database';
import { dumpCatalog } from './dump-catalog';

const SCHEMA = `
  CREATE TYPE mood AS ENUM ('good', 'bad');
  CREATE TABLE a (id uuid PRIMARY KEY, name text, m mood);
  CREATE TABLE b (id int PRIMARY KEY, a_id uuid, CONSTRAINT b_a FOREIGN KEY (a_id) REFERENCES a (id));
  CREATE INDEX a_name ON a (name) WHERE name IS NOT NULL;
  CREATE FUNCTION f(x int) RETURNS int LANGUAGE sql AS 'SELECT x + 1';
  CREATE VIEW v AS SELECT id FROM a;
  COMMENT ON COLUMN a.name IS 'first';
  CREATE SCHEMA trueup; CREATE TABLE trueup.ledger (id int);`;

/** Each is one difference between two databases that a dump must show. */
const CHANGES: readonly [what: string, sql: string, line: RegExp][] = [
  ['a table', 'CREATE TABLE c (id int)', /relation public\.c /],
  ['a column', 'ALTER TABLE a ADD COLUMN extra int', /column public\.a\.extra integer$/],
  ['a type', 'ALTER TABLE b ALTER COLUMN id TYPE bigint', /column public\.b\.id bigint not null$/],
  ['a default', "ALTER TABLE a ALTER COLUMN name SET DEFAULT 'x'", /a\.name text default 'x'::text$/],
  [
    'nullability',
    'ALTER TABLE a ALTER COLUMN name SET NOT NULL',
    /a\.name text not null default 'x'::text$/m,
  ],
  ['an index', 'CREATE INDEX b_a_id ON b (a_id)', /index public\.b_a_id CREATE INDEX/],
  [
    'validity',
    "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'a_name'::regclass",
    /a_name .* INVALID$/,
  ],
  [
    'validation',
    'ALTER TABLE b DROP CONSTRAINT b_a, ADD CONSTRAINT b_a FOREIGN KEY (a_id) REFERENCES a NOT VALID',
    /constraint b_a .*\(unvalidated\)$/,
  ],
  [
    'a body',
    "CREATE OR REPLACE FUNCTION f(x int) RETURNS int LANGUAGE sql AS 'SELECT x + 2'",
    /f\(integer\)[\s\S]*x \+ 2/,
  ],
  ['a view', 'CREATE OR REPLACE VIEW v AS SELECT id FROM a WHERE name IS NULL', /relation public\.v kind v/],
  ['a comment', "COMMENT ON COLUMN a.name IS 'second'", /comment on column a\.name.*: second$|: second$/],
  ['an enum label', "ALTER TYPE mood ADD VALUE 'worse'", /'good', 'bad', 'worse'$/],
  ['a privilege', 'GRANT SELECT ON a TO PUBLIC', /relation public\.a .*=r\//],
  [
    'a trigger',
    'CREATE TRIGGER t BEFORE UPDATE ON a FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()',
    /trigger on public\.a enabled O CREATE TRIGGER t/,
  ],
];

describe.each(majors())('the catalog dump on PostgreSQL %i', (major) => {
  test('shows every kind of change, and nothing of our own schema', async () => {
    const url = await createDatabase(major);
    const client = await connect(url);
    await client.query(SCHEMA);
    let before = await dumpCatalog(url);
    expect(await dumpCatalog(client)).toEqual(before);
    expect(before.join('\n')).not.toContain('ledger');

    for (const [what, sql, expected] of CHANGES) {
      await client.query(sql);
      const after = await dumpCatalog(client);
      const changed = after.filter((line) => !before.includes(line));
      expect(changed.join('\n'), what).toMatch(expected);
      before = after;
    }

    await client.query('INSERT INTO trueup.ledger VALUES (1); ANALYZE');
    expect(await dumpCatalog(client)).toEqual(before);
  });
});
