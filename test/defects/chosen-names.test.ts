/** An index that no file names is known by the name that PostgreSQL chooses, for a file that drops it later. */
import { describe, expect, test } from 'vitest';
import { connect, createDatabase, majors } from '../support/database';
import { object, standing, TABLE } from './standing';

const KEYS = [
  'a',
  '(a + 1)',
  '(1 + a)',
  'lower(email)',
  'pg_catalog.upper(email)',
  '(lower(email) || email)',
];

describe.each(majors())('PostgreSQL %i', (major) => {
  test.each(KEYS)('over %s and b', async (key) => {
    const client = await connect(await createDatabase(major));
    const make = `CREATE UNIQUE INDEX ON t (${key}, b)`;
    await client.query(`${TABLE}; ${make}`);
    const { rows } = await client.query(
      "SELECT indexrelid::regclass::text AS name FROM pg_index WHERE indrelid = 't'::regclass",
    );
    const about = object({ table: 'public.t', columns: [key, 'b'] });
    const files = [TABLE, make, `DROP INDEX ${rows[0].name}`];
    expect(await standing('missing-conflict-target', about, files)).toEqual(['+2, undone by 3', '-3']);
  });
});
