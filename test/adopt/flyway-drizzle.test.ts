/** How Flyway and Drizzle read their folders, and what a row of their ledgers covers. */
import { describe, expect, test } from 'vitest';
import { empty, keys, passed, read, rulesOf } from './read-folder';

describe('Drizzle', () => {
  const journal = (...entries: object[]) => JSON.stringify({ entries });
  test('by the journal; what it does not name never runs', () => {
    const folder = read('Drizzle', {
      'meta/_journal.json': journal({ idx: 0, when: 2, tag: '0001_b' }, { idx: 1, when: 1, tag: '0000_a' }),
      '0000_a.sql': 'A',
      '0001_b.sql': 'B',
      '0002_c.sql': 'C',
      'notes.txt': '',
    });
    expect(folder.entries.map(({ key, when, sql }) => [key, when, sql])).toEqual([
      ['0001_b', 2, 'B'],
      ['0000_a', 1, 'A'],
    ]);
    expect(passed(folder)).toEqual({
      '0002_c.sql': 'the journal does not name it, so Drizzle never runs it',
    });
  });

  test.each([
    ['no JSON', 'x', 'meta/_journal.json cannot be read'],
    ['no list', '{}', 'cannot be read'],
    ['null', 'null', 'cannot be read'],
    ['an entry without a time', journal({ tag: 'a' }), 'cannot be read'],
    ['a path', journal({ tag: '../a', when: 1 }), 'cannot be read'],
    ['null for an entry', '{"entries":[null]}', 'cannot be read'],
    ['a file that is gone', journal({ tag: 'a', when: 1 }), 'names a.sql, which does not exist'],
  ])('%s is refused', (_, text, message) => {
    expect(() => read('Drizzle', { 'meta/_journal.json': text })).toThrow(message);
  });

  test('1.0: a folder a migration', () => {
    expect(
      keys(
        read(
          'Drizzle',
          empty('b/migration.sql', 'a/migration.sql', 'c/migration.sql.bak', 'd/e/migration.sql'),
        ),
      ),
    ).toEqual(['a', 'b']);
  });

  test('what the newest row covers was never run, to the millisecond', () => {
    const { entries } = read('Drizzle', {
      'meta/_journal.json': journal({ when: 1, tag: 'a' }, { when: 2, tag: 'b' }, { when: 3, tag: 'c' }),
      ...empty('a.sql', 'b.sql', 'c.sql'),
    });
    const judged = rulesOf('Drizzle').judge(
      [
        { created_at: '2', hash: 'x' },
        { created_at: '0', hash: 'y' },
      ],
      entries,
    );
    expect(judged.entries.map(({ state }) => state)).toEqual(['skipped', 'edited', 'pending']);
    expect(judged.strangers).toEqual(['created_at 0']);
  });
});

describe('Flyway', () => {
  test('versions by their parts, in all folders; then what is repeatable', () => {
    const folder = read('Flyway', {
      'a/V1.10__ten.sql': '',
      'b/V1_9__nine_a.sql': '',
      'V2.0__two.java': '',
      'R__b_views.sql': '',
      'R__a.sql': '',
      'V3__.sql': '',
    });
    expect(
      folder.entries.map(({ key, name, words, version, sql }) => [key, name, words, version, sql]),
    ).toEqual([
      ['1.9', '1.9_nine_a', 'nine a', '', ''],
      ['1.10', '1.10_ten', 'ten', '', ''],
      ['2', '2_two', 'two', '2', null],
      ['3', '3_', '', '3', ''],
      ['a', 'a', 'a', '0', ''],
      ['b views', 'b_views', 'b views', '0', ''],
    ]);
    expect(folder.entries.map(({ repeatable = false }) => repeatable)).toEqual([
      false,
      false,
      false,
      false,
      true,
      true,
    ]);
  });

  test('what is passed over, and why', () => {
    const other = 'its name is not V<version>__<description>.sql or R__<description>.sql';
    const files = empty(
      'V1__a.sql',
      'U1__a.sql',
      'B1__a.sql',
      'beforeMigrate.sql',
      'x_beforeX.sql',
      'R1__a.sql',
      'V__a.sql',
      'Vx.SQL',
      'notes.txt',
    );
    expect(passed(read('Flyway', files))).toEqual({
      'U1__a.sql': 'it undoes a version, which only paid editions of Flyway run',
      'B1__a.sql':
        'the folder has the versions that this baseline migration replaces, or a newer baseline migration',
      'beforeMigrate.sql': 'it is a callback, which Flyway runs at each migration; Trueup has no callbacks',
      'x_beforeX.sql': other,
      'R1__a.sql': other,
      'V__a.sql': other,
      'Vx.SQL': other,
    });
  });

  test('placeholders', () => {
    const hole = (name: string) => `$\{${name}}`;
    const files = { 'V1__a.sql': `CREATE TABLE ${hole('name')} (); -- ${hole('other')}` };
    const placeholders = new Map([
      ['name', 'shops'],
      ['other', ''],
    ]);
    expect(read('Flyway', files, { placeholders }).entries[0]!.sql).toBe('CREATE TABLE shops (); -- ');
    expect(() => read('Flyway', files)).toThrow(
      `V1__a.sql has the placeholder ${hole('name')}, and Trueup does not read Flyway's configuration`,
    );
  });

  test('what a baseline covers, and what it does not', () => {
    const { entries } = read('Flyway', empty('V1__a.sql', 'V2__b.sql', 'V3__c.sql', 'R__r.sql'));
    const row = (
      installed_rank: string,
      version: string | null,
      type: string,
      description: string | null = null,
    ) => ({
      installed_rank,
      version,
      type,
      description,
      success: 'true',
      checksum: null,
    });
    const judged = rulesOf('Flyway').judge([row('2', null, 'SQL', null), row('1', '2', 'BASELINE')], entries);
    expect(judged.entries.map(({ state, why }) => [state, why])).toEqual([
      ['stamped', "Flyway's baseline 2 covers it, and Flyway did not run it"],
      ['stamped', "Flyway's baseline 2 covers it, and Flyway did not run it"],
      ['pending', undefined],
      ['pending', undefined],
    ]);
    expect(judged.strangers).toEqual(['']);
  });
});
