/** How each tool reads its folder: names, order, sections, what it passes over. What its ledger says is in ledgers.test.ts. */
import { describe, expect, test } from 'vitest';
import { empty, keys, passed, read, rulesOf } from './read-folder';

describe('dbmate', () => {
  const why = 'its name does not begin with digits';
  test('names, sections, and a file outside a transaction', () => {
    const folder = read('dbmate', {
      '1_add_a.sql': '-- migrate:up transaction:false\nSELECT 1;\n-- migrate:down\nSELECT 2;\n',
      '2.sql': "-- migrate:up\nSELECT 'transaction:false';\n",
      'x1.sql': '',
      'X.SQL': '',
      'a.sql.txt': '',
    });
    expect(folder.entries).toEqual([
      {
        key: '1',
        file: '1_add_a.sql',
        name: '1_add_a',
        version: '1',
        words: 'add a',
        sql: 'SELECT 1;',
        down: 'SELECT 2;',
        transaction: 'statement',
      },
      expect.objectContaining({
        key: '2',
        words: '',
        sql: "SELECT 'transaction:false';",
        down: '',
        transaction: 'file',
      }),
    ]);
    expect(passed(folder)).toEqual({ 'x1.sql': why, 'X.SQL': why });
  });

  test('two files of one number are refused', () => {
    expect(() => read('dbmate', empty('1_a.sql', '1_b.sql'))).toThrow(
      '1_a.sql and 1_b.sql have the same identifier, 1',
    );
  });
});

describe('golang-migrate', () => {
  test('by number; what undoes nothing, and other names, are passed over', () => {
    const folder = read('golang-migrate', {
      '10_b.up.sql': 'B',
      '10_b.down.sql': 'undo B',
      '009_add_a.up.sql': 'A',
      '3_c.down.sql': '',
      '4_d.up.sql.bak': '',
      '5_e.up.txt': '',
      '6_f.SQL': '',
    });
    expect(folder.entries).toEqual([
      {
        key: '9',
        file: '009_add_a.up.sql',
        name: '009_add_a',
        version: '009',
        words: 'add a',
        sql: 'A',
        transaction: 'file',
      },
      expect.objectContaining({ key: '10', sql: 'B', down: 'undo B' }),
    ]);
    expect(folder.entries[0]).not.toHaveProperty('down');
    expect(passed(folder)).toEqual({
      '3_c.down.sql': 'the file that it undoes does not exist',
      '6_f.SQL': 'its name is not <number>_<title>.up.sql',
    });
  });

  test('a dirty ledger says so', () => {
    const { entries } = read('golang-migrate', empty('1_a.up.sql', '2_b.up.sql'));
    const judge = (version: string) =>
      rulesOf('golang-migrate')
        .judge([{ version, dirty: 'true' }], entries)
        .entries.map(({ state, why }) => [state, why]);
    const dirty = ['failed', 'the ledger is dirty: part of its up or down file was applied'];
    expect(judge('2')).toEqual([['applied', undefined], dirty]);
    expect(judge('-1')).toEqual([dirty, ['pending', undefined]]);
  });
});

describe('goose', () => {
  test('SQL and code by number, marks of any spelling', () => {
    const folder = read('goose', {
      '10_b.go': 'package x',
      '00009_add_a.sql': [
        'before',
        '  --  +goose   up',
        'A1',
        '--+GOOSE StatementBegin',
        'A2',
        '-- +goose Down',
        'undo',
      ].join('\n'),
      '11_c.sql': '--   +goose  NO TRANSACTION\n-- +goose Up\nx -- +goose Down',
      'c.sql': '',
      '12_d.SQL': '',
      'below/13_e.sql': '',
      'notes.txt': '',
    });
    expect(folder.entries).toEqual([
      {
        key: '9',
        file: '00009_add_a.sql',
        name: '00009_add_a',
        version: '00009',
        words: 'add a',
        sql: 'A1\nA2',
        down: 'undo',
        transaction: 'file',
      },
      expect.objectContaining({ key: '10', sql: null, transaction: 'file' }),
      expect.objectContaining({ key: '11', sql: 'x -- +goose Down', transaction: 'statement' }),
    ]);
    expect(folder.entries[2]).not.toHaveProperty('down');
    const why = 'its name is not <number>_<name>.sql';
    expect(passed(folder)).toEqual({ 'c.sql': why, '12_d.SQL': why, 'below/13_e.sql': why });
  });
});

describe('node-pg-migrate', () => {
  test('sections, pairs, code', () => {
    const folder = read('node-pg-migrate', {
      '1_a.sql': '-- Up Migration\nA1\n-- Down Migration\nundo\n--- up migration\nA2',
      '2_b.up.sql': 'B',
      '2_b.down.sql': 'undo B',
      '3_c.up.sql': 'C',
      '4_d.ts': '',
      '4_d.d.ts': '',
      '5_e.mjs': '',
      '6_f.txt': '',
      'below/7_g.sql': '',
      'h.sql': '',
      '8_no_sections.sql': 'H',
    });
    expect(folder.entries.map(({ name, sql, down }) => [name, sql, down])).toEqual([
      ['1_a', 'A1\nA2', 'undo'],
      ['2_b', 'B', 'undo B'],
      ['3_c', 'C', undefined],
      ['4_d', null, undefined],
      ['5_e', null, undefined],
      ['8_no_sections', 'H', undefined],
    ]);
    expect(folder.entries.map((each) => 'down' in each)).toEqual([true, true, false, false, false, false]);
    expect(passed(folder)).toEqual({ 'h.sql': 'its name does not begin with a number' });
  });

  test('by time, where the number is a date of 17 digits; then by name as people count', () => {
    // 2024-02-03 04:05:06.007, and moments beside it.
    const at = Date.UTC(2024, 1, 3, 4, 5, 6, 7);
    const names = [
      `${at - 1}_a`,
      '20240203040506007_b',
      `${at + 1}_c`,
      '20240203040507000_d',
      '20240203040600000_e',
      '20240203050506007_f',
      '20240204040506007_g10',
      '20240204040506007_g9',
      '20250101000000000_h',
    ];
    const order = [...names.slice(0, 6), names[7]!, names[6]!, names[8]!];
    expect(keys(read('node-pg-migrate', empty(...names.map((name) => `${name}.sql`))))).toEqual(order);
    const turned = [...names].reverse();
    expect(keys(read('node-pg-migrate', empty(...turned.map((name) => `${name}.ts`))))).toEqual(order);
  });
});

test('Prisma: a folder a migration, and nothing else', () => {
  const folder = read('Prisma', {
    '20240101_a/migration.sql': 'A\nB',
    'c/migration.sql': '',
    'd/e/migration.sql': '',
    'f.SQL': '',
    'migration_lock.toml': '',
  });
  expect(keys(folder)).toEqual(['20240101_a', 'c']);
  expect(folder.entries[0]).toMatchObject({
    version: '20240101',
    words: 'a',
    sql: 'A\nB',
    transaction: 'file',
  });
  expect(folder.entries[0]!.hashes).toHaveLength(6);
  const why = 'Prisma runs only <name>/migration.sql';
  expect(passed(folder)).toEqual({ 'd/e/migration.sql': why, 'f.SQL': why });
});

test('Supabase: an old init file is passed over where it is the first, and no other', () => {
  const old = '20211208000000_init.sql';
  const folder = read(
    'Supabase',
    empty(old, '20211209000000_init.sql', '20220101000000_add_it.sql', 'x.SQL', 'x.sql.bak'),
  );
  expect(folder.entries.map(({ key, words }) => [key, words])).toEqual([
    ['20211209000000', 'init'],
    ['20220101000000', 'add it'],
  ]);
  expect(passed(folder)).toEqual({
    [old]: 'Supabase skips an init file with so old a version',
    'x.SQL': 'its name is not <digits>_<name>.sql',
  });
  expect(keys(read('Supabase', empty('1_a.sql', '2_init.sql')))).toEqual(['1', '2']);
});

test.each([
  ['Knex', '20240101_a_b', '20240101_a_b'],
  ['Sequelize', '20240101_a_b', '20240101_a_b'],
  ['TypeORM', '1704067200000-Shops', '1704067200000'],
])('%s: code alone, whatever it was built to', (tool, name, key) => {
  const folder = read(
    tool,
    empty(`${name}.cts`, `${name}.d.ts`, 'x.js', `below/${name}.js`, '1_a.sql', '2_b.js.map'),
  );
  expect(folder).toEqual({
    entries: [
      {
        key,
        file: `${name}.cts`,
        name,
        version: /^\d+/.exec(name)![0],
        words: name.replace(/^\d+./, '').replaceAll('_', ' '),
        sql: null,
        transaction: 'file',
      },
    ],
    passed: [],
  });
});
