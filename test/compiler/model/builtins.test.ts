/** The names that the compiler takes for PostgreSQL's own, asked of real servers. */
import { beforeAll, describe, expect, test } from 'vitest';
import { HARMLESS_VOLATILE_FUNCTIONS, STABLE_FUNCTIONS } from '../../../lib/compiler/model/builtins';
import { loadParser } from '../../../lib/compiler/read/parser';
import { formatSqlName } from '../../../lib/compiler/read/tree';
import { connect, majors, serverUrl } from '../../support/database';
import { fc } from '../../support/property';

beforeAll(loadParser);

/** On 13, one form of it (for time with time zone) is volatile; as a default it is computed once all the same. */
const EXCEPT = new Set(['timezone']);

describe.each(majors())('PostgreSQL %i', (major) => {
  test('no function taken for stable is volatile, and each is one of its own', async () => {
    const client = await connect(serverUrl(major));
    const { rows } = await client.query(
      `SELECT proname AS name, bool_or(provolatile = 'v') AS volatile FROM pg_proc
       WHERE pronamespace = 'pg_catalog'::regnamespace GROUP BY 1`,
    );
    const known = new Map<string, boolean>(rows.map(({ name, volatile }) => [name, volatile]));
    expect([...STABLE_FUNCTIONS].filter((name) => known.get(name) && !EXCEPT.has(name))).toEqual([]);
    if (major >= 18)
      expect(
        [...STABLE_FUNCTIONS, ...HARMLESS_VOLATILE_FUNCTIONS].filter((name) => !known.has(name)).length,
      ).toBeLessThan(15);
  });

  test('identifiers are quoted as the server quotes them', async () => {
    const client = await connect(serverUrl(major));
    const { rows } = await client.query('SELECT word FROM pg_get_keywords()');
    const words = rows.map(({ word }) => word as string);
    const name = fc.oneof(
      fc.constantFrom(...words),
      fc.string({ unit: fc.constantFrom(...'aZ_9$"ż .'), minLength: 1, maxLength: 8 }),
    );
    const samples = [...words, ...fc.sample(name, 500)];
    const quoted = await client.query(
      'SELECT quote_ident(n) AS q FROM unnest($1::text[]) WITH ORDINALITY AS t (n, i) ORDER BY i',
      [samples],
    );
    // A keyword of the newest PostgreSQL only is quoted everywhere, which is right on older servers too.
    const differ = samples.filter((sample, i) => formatSqlName([sample]) !== quoted.rows[i].q);
    expect(
      major >= 18 ? differ : differ.filter((sample) => formatSqlName([sample]) !== `"${sample}"`),
    ).toEqual([]);
  });
});
