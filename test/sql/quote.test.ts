/** Names as the server reads them. */
import { describe, expect, test } from 'vitest';
import { parseNames, quoteIfNeeded } from '../../lambda/sql/quote';
import { connect, createDatabase, majors } from '../support/database';

describe.each(majors())('PostgreSQL %i', (major) => {
  test('every keyword, quoted if needed, names a table and a column', async () => {
    const client = await connect(await createDatabase(major));
    const { rows } = await client.query<{ word: string }>('SELECT word FROM pg_get_keywords()');
    expect(rows.length).toBeGreaterThan(400);
    for (const { word } of rows) {
      const name = quoteIfNeeded(word);
      await client.query(`CREATE TEMP TABLE ${name} (${name} int, CHECK (${name} > 0))`).catch((error) => {
        throw new Error(`${name}: ${error.message}`);
      });
      const { rowCount } = await client.query(
        'SELECT FROM pg_attribute WHERE attrelid = $1::regclass AND attname = $2',
        [`pg_temp."${word}"`, word],
      );
      expect([word, rowCount]).toEqual([word, 1]);
    }
  });

  test('printed names are read back', async () => {
    const client = await connect(await createDatabase(major));
    const names = ['plain', 'order', 'Big', 'a "b", c.d', 'é'];
    const { rows } = await client.query<{ list: string; path: string }>(
      "SELECT string_agg(quote_ident(n), ', ') AS list, string_agg(quote_ident(n), '.') AS path FROM unnest($1::text[]) n",
      [names],
    );
    expect(parseNames(rows[0]!.list)).toEqual(names);
    expect(parseNames(rows[0]!.path)).toEqual(names);
  });
});
