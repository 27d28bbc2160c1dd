/** What files of other tools are called in our form. */
import { describe, expect, test } from 'vitest';
import { buildFileNames } from '../../lib/adopt/file-names';
import { empty, read } from './read-folder';

describe('our names', () => {
  const named = (tool: string, ...files: string[]) => buildFileNames(read(tool, empty(...files)).entries);

  test('the tool’s own, where they keep its order', () => {
    expect(named('Supabase', '20240101000000_a.sql', '20240102000000_b-c.sql')).toEqual([
      '20240101000000_a',
      '20240102000000_b-c',
    ]);
  });

  test('a hyphen stays where the name is one of ours', () => {
    expect(named('Prisma', '1_b-c/migration.sql', '2_d/migration.sql')).toEqual(['1_b-c', '2_d']);
  });

  test('numbers of ours, where they do not', () => {
    expect(named('Flyway', 'V1.1__Été, à_Zürich.sql', 'V1.10__.sql', 'R__v.sql')).toEqual([
      '0001_Ete_a_Zurich',
      '0002_migration',
      'R__v',
    ]);
    expect(named('Prisma', '1_a/migration.sql', '1_b/migration.sql')).toEqual(['0001_a', '0002_b']);
  });

  test('a hundred characters at most, and no separator at the end', () => {
    const [name] = named('Prisma', `${'x'.repeat(94)}_yyyy/migration.sql`);
    expect(name).toBe(`0001_${'x'.repeat(94)}`);
    expect(named('Flyway', `R__${'v'.repeat(200)}.sql`)[0]).toHaveLength(100);
  });

  test('by the journal’s time, a second later where two would be the same or go back', () => {
    const entries = [1_704_067_200_999, 1_704_067_200_500, 1_704_000_000_000].map((when, i) => ({
      when,
      tag: `t${i}`,
    }));
    const files = {
      'meta/_journal.json': JSON.stringify({ entries }),
      ...empty('t0.sql', 't1.sql', 't2.sql'),
    };
    expect(buildFileNames(read('Drizzle', files).entries)).toEqual([
      '20240101000000_t0',
      '20240101000001_t1',
      '20240101000002_t2',
    ]);
  });
});
