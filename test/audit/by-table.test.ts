/** Files of a large move: few enough to be read, deployed in their order, and nothing is left. */
import { beforeAll, describe, expect, test } from 'vitest';
import { audit } from '../../lib/audit/audit';
import { formatCountsByKindAndTable } from '../../lib/audit/words';
import { buildMigrations } from '../../lib/audit/write/write';
import { loadParser } from '../../lib/compiler/read/parser';
import { connect, createDatabase, outerMajors } from '../support/database';
import { roundTrip } from './round-trip';
import { readOnly } from './support';

beforeAll(() => loadParser());

const TABLES = 26;

/** Each with what a mover that makes tables and keys alone leaves behind. */
const table = (i: number): string => `
  CREATE TABLE t${i} (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), number serial NOT NULL, code text NOT NULL, mood mood NOT NULL DEFAULT 'good',
    amount numeric NOT NULL DEFAULT 0 CHECK (amount >= 0), at timestamptz NOT NULL DEFAULT now(), parent_id uuid ${i > 0 ? `REFERENCES t${i - 1}` : ''});
  CREATE UNIQUE INDEX code_of_${i} ON t${i} (code); CREATE INDEX at_of_${i} ON t${i} (at);
  CREATE TRIGGER touched BEFORE UPDATE ON t${i} FOR EACH ROW EXECUTE FUNCTION touch();
  COMMENT ON TABLE t${i} IS 'of the test'; COMMENT ON COLUMN t${i}.code IS 'what it is called';
  CREATE VIEW v${i} AS SELECT id, code, total(amount) AS total FROM t${i};`;

const SOURCE = `CREATE TYPE mood AS ENUM ('good', 'bad'); CREATE DOMAIN positive AS int CHECK (VALUE > 0);
  CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
  CREATE FUNCTION total(a numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT a * 2';
  ${Array.from({ length: TABLES }, (_, i) => table(i)).join('')}
  CREATE TABLE lines (id int PRIMARY KEY, price numeric NOT NULL, pieces int, total numeric GENERATED ALWAYS AS (price * pieces) STORED);
  CREATE TABLE paths (id int PRIMARY KEY, name text, path text GENERATED ALWAYS AS (lower(name)) STORED); CREATE INDEX ON paths (path);
  CREATE TABLE events (id int, at date NOT NULL, note text NOT NULL DEFAULT '') PARTITION BY RANGE (id);
  CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (10); CREATE TABLE events_2 PARTITION OF events DEFAULT;
  CREATE INDEX ON events (at);`;

const TARGET = `CREATE TYPE mood AS ENUM ('good', 'bad');
  ${Array.from({ length: TABLES }, (_, i) => `CREATE TABLE t${i} (id uuid PRIMARY KEY, number int, code text, mood mood, amount numeric, at timestamptz, parent_id uuid);`).join('\n')}
  CREATE TABLE lines (id int PRIMARY KEY, price numeric, pieces int, total numeric NOT NULL);
  CREATE TABLE paths (id int PRIMARY KEY, name text, path text); CREATE INDEX paths_path_idx ON paths (path);
  CREATE TABLE events (id int, at date, note text) PARTITION BY RANGE (id);
  CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (10); CREATE TABLE events_2 PARTITION OF events DEFAULT;
  INSERT INTO lines VALUES (1, 2, 3, 6);`;

describe.each(outerMajors())('PostgreSQL %i', (major) => {
  test('26 tables are at most 60 files', async () => {
    const [from, to] = [await createDatabase(major), await createDatabase(major)];
    await (await connect(from)).query(SOURCE);
    const target = await connect(to);
    await target.query(TARGET);
    const source = await readOnly(from);
    const { first, written, left } = await roundTrip(to, await readOnly(to), { version: '0', source });
    expect(first.findings.length).toBeGreaterThan(240);
    expect(written.files.length).toBeLessThanOrEqual(60);
    const each = await buildMigrations(first.findings, first.compared, null, 'finding');
    expect(each.files.length).toBeGreaterThan(200);
    // A column that is computed is one again, and an index that is on the plain one is a person's.
    expect([...written.unwritten].map(([{ object }, why]) => `${object}: ${why}`)).toEqual([
      expect.stringMatching(
        /^public\.paths\.path: .* used by index paths_path_idx: .*ADD COLUMN path text GENERATED ALWAYS AS/,
      ),
    ]);
    expect(left.filter(({ confidence }) => confidence < 'C').map(({ object }) => object)).toEqual([
      'public.paths.path',
    ]);
    expect((await target.query('SELECT total, total_found FROM lines')).rows).toEqual([
      { total: '6', total_found: '6' },
    ]);
    const counted = formatCountsByKindAndTable(first.findings)!;
    expect(counted.kinds).toMatch(/^\d+ missing-not-null, .*26 missing-trigger/);
    expect(counted.tables).toMatch(/ on \d+ others$/);
    expect(
      formatCountsByKindAndTable((await audit(await readOnly(to), { version: '0', source })).findings),
    ).toBeNull();
  });
});
