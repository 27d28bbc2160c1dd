/** What a later applied migration changed on purpose is no drift; what somebody changed by hand is, however close it lies. */
import { describe, expect, test } from 'vitest';
import type { Manifest } from '../../lambda/contract/manifest';
import type { Verification } from '../../lambda/contract/status';
import { verify } from '../../lambda/engine';
import { compileFiles } from '../../lib/compiler';
import { connect, createDatabase, majors } from '../support/database';
import { contextFor, up } from '../support/engine';

interface File {
  readonly up: string;
  /** @default - it is not proved */
  readonly verify?: string;
}

const BEFORE: File = {
  up: `CREATE TABLE t (id int PRIMARY KEY, note text, n int, s text DEFAULT 'a');
CREATE TABLE other (id int PRIMARY KEY, note text)`,
};

const compiled = (files: readonly File[]): Promise<Manifest> =>
  compileFiles(
    files.map(({ up: sql, verify: proof }, i) => ({
      name: `000${i + 1}_f.sql`,
      bytes: Buffer.from(
        `-- migrate:consent destroys a test\n-- migrate:consent rewrites a test\n${
          proof === undefined ? '-- migrate:no-verify a test\n' : ''
        }-- migrate:up\n${sql};\n${proof === undefined ? '' : `-- migrate:verify\n${proof};\n`}`,
      ),
    })),
  );

interface Case {
  readonly name: string;
  readonly older: File;
  readonly later: readonly File[];
  /** What somebody does afterwards, by hand, that has to be found. @default - nothing hides it */
  readonly byHand?: string;
  /** Of `byHand`: how many findings or errors. @default 1 */
  readonly found?: number;
}

const proves = (name: string, sql: string): File => ({ up: name, verify: `SELECT trueup.${sql}` });

/** By the later migration; a case without one would be drift. */
const CASES: readonly Case[] = [
  {
    name: 'a dropped column',
    older: proves('ALTER TABLE t ADD c int', "has_column('t', 'c')"),
    later: [{ up: 'ALTER TABLE t DROP c' }],
  },
  {
    name: 'a dropped column, proved by the later file',
    older: proves('ALTER TABLE t ADD c int', "col_type_is('t', 'c', 'int')"),
    later: [proves('ALTER TABLE t DROP c', "hasnt_column('t', 'c')")],
  },
  {
    name: 'a query on a dropped column, which cannot run',
    older: { up: 'ALTER TABLE t ADD c int', verify: "SELECT 'left' FROM t AS x WHERE x.c < 0" },
    later: [{ up: 'ALTER TABLE t DROP c' }],
  },
  {
    name: 'a query on a dropped table',
    older: { up: 'CREATE TABLE old (id int)', verify: 'SELECT id FROM old' },
    later: [{ up: 'DROP TABLE old' }],
  },
  {
    name: 'a dropped table',
    older: proves('CREATE TABLE old (id int)', "has_table('old')"),
    later: [{ up: 'DROP TABLE old' }],
  },
  {
    name: 'a renamed table',
    older: proves("ALTER TABLE t ALTER note SET DEFAULT 'x'", "col_default_is('t', 'note', '''x''')"),
    later: [{ up: 'ALTER TABLE t RENAME TO things' }],
    byHand: 'ALTER TABLE things ALTER note DROP DEFAULT',
  },
  {
    name: 'a table that moved, under its quoted name',
    older: proves('CREATE TABLE "Old Book" (id int)', `has_table('"Old Book"')`),
    later: [{ up: 'CREATE SCHEMA archive' }, { up: 'ALTER TABLE "Old Book" SET SCHEMA archive' }],
    byHand: 'DROP TABLE archive."Old Book"',
  },
  {
    name: 'a renamed column',
    older: proves("COMMENT ON COLUMN t.note IS 'words'", "col_comment_is('t', 'note', 'words')"),
    later: [{ up: 'ALTER TABLE t RENAME note TO words' }],
    byHand: 'COMMENT ON COLUMN t.words IS NULL',
  },
  {
    name: 'a renamed column of a CHECK',
    older: proves('ALTER TABLE t ADD CONSTRAINT positive CHECK (n > 0)', "has_check('t', 'n > 0')"),
    later: [{ up: 'ALTER TABLE t RENAME n TO quantity' }],
    byHand: 'ALTER TABLE t DROP CONSTRAINT positive',
  },
  {
    name: 'a renamed column of an index',
    older: proves('CREATE INDEX t_n ON t (n, id)', "is_indexed('t', '{n, id}')"),
    later: [{ up: 'ALTER TABLE t RENAME n TO quantity' }],
    byHand: 'DROP INDEX t_n',
  },
  {
    name: 'another type',
    older: proves('ALTER TABLE t ADD c int', "col_type_is('t', 'c', 'int')"),
    later: [{ up: 'ALTER TABLE t ALTER c TYPE bigint' }],
    byHand: 'ALTER TABLE t ALTER c TYPE text',
  },
  {
    name: 'another default',
    older: proves("ALTER TABLE t ALTER s SET DEFAULT 'b'", "col_default_is('t', 's', '''b''')"),
    later: [{ up: "ALTER TABLE t ALTER s SET DEFAULT 'c'" }],
    byHand: "ALTER TABLE t ALTER s SET DEFAULT 'd'",
  },
  {
    name: 'no default any more',
    older: proves("ALTER TABLE t ALTER s SET DEFAULT 'b'", "col_has_default('t', 's')"),
    later: [{ up: 'ALTER TABLE t ALTER s DROP DEFAULT' }],
  },
  {
    name: 'NOT NULL taken away',
    older: proves('ALTER TABLE t ALTER n SET NOT NULL', "col_not_null('t', 'n')"),
    later: [{ up: 'ALTER TABLE t ALTER n DROP NOT NULL' }],
  },
  {
    name: 'what was not there, made',
    older: proves('ALTER TABLE t DROP note', "hasnt_column('t', 'note')"),
    later: [{ up: 'ALTER TABLE t ADD note int' }],
  },
  {
    name: 'a dropped index',
    older: proves('CREATE INDEX t_n ON t (n)', "is_indexed('t', '{n}')"),
    later: [{ up: 'DROP INDEX t_n' }],
    byHand: 'DROP TABLE t',
  },
  {
    name: 'an index that another one of the file replaces',
    older: proves('CREATE INDEX t_n ON t (n)', "is_indexed('t', '{n}', is_unique => false)"),
    later: [
      proves(
        'CREATE UNIQUE INDEX t_n_2 ON t (n); DROP INDEX t_n',
        "is_indexed('t', '{n}', is_unique => true)",
      ),
    ],
    byHand: 'DROP INDEX t_n_2',
    found: 2,
  },
  {
    name: 'a unique constraint dropped under the name that PostgreSQL gave it',
    older: proves('ALTER TABLE t ADD UNIQUE (n)', "on_conflict_target('t', '{n}')"),
    later: [{ up: 'ALTER TABLE t DROP CONSTRAINT t_n_key' }],
  },
  {
    name: 'a foreign key dropped',
    older: proves(
      'ALTER TABLE t ADD FOREIGN KEY (n) REFERENCES other (id)',
      "fk_ok('t', '{n}', 'other', '{id}')",
    ),
    later: [{ up: 'ALTER TABLE t DROP CONSTRAINT t_n_fkey' }],
  },
  {
    name: 'a CHECK that allows more',
    older: proves('ALTER TABLE t ADD CONSTRAINT states CHECK (n < 3)', "has_check('t', 'n < 3')"),
    later: [
      proves(
        'ALTER TABLE t DROP CONSTRAINT states, ADD CONSTRAINT states CHECK (n < 4)',
        "has_check('t', 'n < 4')",
      ),
    ],
    byHand: 'ALTER TABLE t DROP CONSTRAINT states',
    found: 2,
  },
  {
    name: 'a function dropped',
    older: proves(
      "CREATE FUNCTION f(int) RETURNS int LANGUAGE sql AS 'SELECT 1'",
      "has_function('f', '{int}')",
    ),
    later: [{ up: 'DROP FUNCTION f(int)' }],
  },
  {
    name: 'a function with another result',
    older: proves(
      "CREATE FUNCTION f(int) RETURNS int LANGUAGE sql AS 'SELECT 1'",
      "function_returns('f', '{int}', 'int')",
    ),
    later: [
      proves(
        "DROP FUNCTION f(int); CREATE FUNCTION f(int) RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint'",
        "function_returns('f', '{int}', 'bigint')",
      ),
    ],
  },
  {
    name: 'what only the later verify section tells, since a block did it',
    older: proves('ALTER TABLE t ADD c int', "has_column('t', 'c')"),
    later: [proves('DO $$ BEGIN ALTER TABLE t DROP c; END $$', "hasnt_column('t', 'c')")],
  },
  {
    name: 'several checks in one section, of which one is changed',
    older: {
      up: 'ALTER TABLE t ADD c int, ADD d int',
      verify: "SELECT trueup.has_column('t', 'c') UNION ALL SELECT trueup.has_column('t', 'd')",
    },
    later: [{ up: 'ALTER TABLE t DROP c' }],
    byHand: 'ALTER TABLE t DROP d',
  },
];

/** After these, nobody can say that the later file is all there is to it: drift, as before. */
const DRIFT: readonly (Omit<Case, 'byHand'> & { readonly byHand: string })[] = [
  {
    name: 'dropped, made again, and dropped by hand',
    older: proves('ALTER TABLE t ADD c int', "has_column('t', 'c')"),
    later: [{ up: 'ALTER TABLE t DROP c' }, { up: 'ALTER TABLE t ADD c int' }],
    byHand: 'ALTER TABLE t DROP c',
  },
  {
    name: 'dropped, made again by a block, and dropped by hand',
    older: proves('ALTER TABLE t ADD c int', "has_column('t', 'c')"),
    later: [{ up: 'ALTER TABLE t DROP c' }, { up: 'DO $$ BEGIN ALTER TABLE t ADD c int; END $$' }],
    byHand: 'ALTER TABLE t DROP c',
  },
  {
    name: 'renamed, and dropped by hand under the new name',
    older: proves('ALTER TABLE t ADD c int', "has_column('t', 'c')"),
    later: [{ up: 'ALTER TABLE t RENAME c TO d' }],
    byHand: 'ALTER TABLE t DROP d',
  },
  {
    name: 'another type, and dropped by hand',
    older: proves('ALTER TABLE t ADD c int', "col_type_is('t', 'c', 'int')"),
    later: [{ up: 'ALTER TABLE t ALTER c TYPE bigint' }],
    byHand: 'ALTER TABLE t DROP c',
  },
  {
    name: 'a column of the same name of another table dropped by a file',
    older: proves("COMMENT ON COLUMN t.note IS 'x'", "has_column('t', 'note')"),
    later: [{ up: 'ALTER TABLE other DROP note' }],
    byHand: 'ALTER TABLE t DROP note',
  },
  {
    name: 'a table of the same name in another schema',
    older: proves('CREATE SCHEMA archive; CREATE TABLE archive.t (id int)', "has_table('t')"),
    later: [{ up: 'DROP TABLE archive.t' }],
    byHand: 'DROP TABLE t CASCADE',
  },
  {
    name: 'an index replaced by the same under another name, and that dropped by hand',
    older: proves('CREATE INDEX t_n ON t (n)', "is_indexed('t', '{n}')"),
    later: [{ up: 'CREATE INDEX t_n_2 ON t (n); DROP INDEX t_n' }],
    byHand: 'DROP INDEX t_n_2',
  },
  {
    name: 'one of two functions of a name dropped by a file, the other by hand',
    older: proves(
      "CREATE FUNCTION f(int) RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE FUNCTION f(text) RETURNS int LANGUAGE sql AS 'SELECT 1'",
      "has_function('f', '{int}')",
    ),
    later: [{ up: 'DROP FUNCTION f(text)' }],
    byHand: 'DROP FUNCTION f(int)',
  },
  {
    name: 'a default that a later section only wants to be there',
    older: proves("ALTER TABLE t ALTER s SET DEFAULT 'b'", "col_default_is('t', 's', '''b''')"),
    later: [proves("COMMENT ON TABLE t IS 'x'", "col_has_default('t', 's')")],
    byHand: "ALTER TABLE t ALTER s SET DEFAULT 'z'",
  },
  {
    name: 'a later section that does not hold itself',
    older: proves('ALTER TABLE t ADD c int', "has_column('t', 'c')"),
    later: [proves("ALTER TABLE t DROP c; COMMENT ON TABLE t IS 'x'", "table_comment_is('t', 'x')")],
    byHand: 'COMMENT ON TABLE t IS NULL',
    found: 2,
  },
  {
    name: 'a query on two tables, one of whose columns was dropped by hand',
    older: {
      up: 'ALTER TABLE t ADD c int; ALTER TABLE other ADD c int',
      verify: "SELECT 'x' FROM other JOIN t USING (id) WHERE other.c < 0",
    },
    later: [{ up: 'ALTER TABLE t DROP c' }],
    byHand: 'ALTER TABLE other DROP c',
  },
  {
    name: 'a query of its own that returns rows',
    older: {
      up: 'ALTER TABLE t ADD c int',
      verify:
        "SELECT 'gone' WHERE NOT EXISTS (SELECT FROM information_schema.columns WHERE column_name = 'c')",
    },
    later: [],
    byHand: 'ALTER TABLE t DROP c',
  },
];

describe.each(majors())('PostgreSQL %i', (major) => {
  const deploy = async ({ older, later }: Pick<Case, 'older' | 'later'>) => {
    const url = await createDatabase(major);
    const client = await connect(url);
    const files = [BEFORE, older];
    await up(url, await compiled(files));
    for (const file of later) {
      files.push(file);
      await up(url, await compiled(files));
    }
    const manifest = await compiled(files);
    return { client, ask: (about = manifest) => verify(contextFor(url, about), 'app'), files };
  };
  const drifted = ({ findings, errors }: Verification): number => findings.length + errors.length;

  test.each(CASES)('changed on purpose: $name', async ({ older, later, byHand, found = 1 }) => {
    const { client, ask } = await deploy({ older, later });
    const verification = await ask();
    expect(verification).toMatchObject({ findings: [], errors: [] });
    const last = `000${later.length + 2}_f`;
    expect(verification.changed).toEqual([{ migration: '0002_f', sentence: expect.any(String), by: last }]);
    expect(verification.verified).not.toContain('0002_f');
    if (byHand === undefined) return;
    await client.query(byHand);
    expect(drifted(await ask())).toBe(found);
  });

  test.each(DRIFT)('drift: $name', async ({ older, later, byHand, found = 1 }) => {
    const { client, ask } = await deploy({ older, later });
    await client.query(byHand);
    const verification = await ask();
    expect({ ...verification, count: drifted(verification) }).toMatchObject({ count: found });
    expect(verification.changed ?? []).toEqual([]);
  });

  test('a file that is gone, or was edited, since may have done anything', async () => {
    const older = proves('ALTER TABLE t ADD c int', "has_column('t', 'c')");
    const { ask, files } = await deploy({
      older,
      later: [{ up: 'ALTER TABLE t DROP c' }, { up: "COMMENT ON TABLE t IS 'x'" }],
    });
    expect(await ask()).toMatchObject({ findings: [], changed: [{ by: '0003_f' }] });
    expect(drifted(await ask(await compiled(files.slice(0, 3))))).toBe(1);
    expect(drifted(await ask(await compiled([...files.slice(0, 3), { up: 'SELECT 1' }])))).toBe(1);
    const commented = { up: "-- words\nCOMMENT ON TABLE t IS 'x'" };
    expect(drifted(await ask(await compiled([...files.slice(0, 3), commented])))).toBe(0);
  });
});
