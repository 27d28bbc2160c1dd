/** Defaults that SQLite takes, beside what a server says of them: what is written as SQL is never refused. */
import { expect, test } from 'vitest';
import { acceptsConstant } from '../../../lib/audit/sources/sqlite/literal';
import { connect, createDatabase, majors } from '../../support/database';

const MOOD = { schema: 'public', name: 'mood', kind: 'enum', labels: ['glad', "o'k"] } as const;

const LITERALS = [
  ..."'' 'x' '0' 0 1 -1 1.5 +1e3 1e39 1e400 99.999 32767.6 99999999999 99999999999999999999 '1.5' true false 'on' 2".split(
    ' ',
  ),
  ..."'0000-00-00' '2024-02-29' '2023-02-30' '2024-13-01' '31/12/2024' '0001-01-01' '12:30' '25:00' '12:30:61'".split(
    ' ',
  ),
  ...["'2024-01-01 12:30:00'", "'2024-01-01T12:30:00Z'", "'2024-01-01 99:00'", "'now'", "'o''k'", "'glad'"],
  ..."'{}' '[1,2]' '{a:1}' 'null' '00000000-0000-4000-8000-000000000000' '0000' '\\x' '\\000'".split(' '),
  ...['(1 + 1)', "('a' || 'b')", '(-1)', "'a very long text'"],
];
const TYPES = (
  'text|character varying(3)|character(1)|smallint|integer|bigint|numeric|numeric(4,2)|real|double precision|boolean|date|' +
  'timestamp with time zone|timestamp without time zone|time without time zone|uuid|json|jsonb|bytea|public.mood'
).split('|');

/** That nothing is a decision without need. */
const TAKEN: Readonly<Record<string, readonly string[]>> = {
  text: ["''", '0', '1.5', "('a' || 'b')"],
  integer: ['0', '-1', '1.5', "'0'", '(1 + 1)', '(-1)'],
  'numeric(4,2)': ['1.5', "'1.5'", '-1'],
  boolean: ['true', 'false', "'on'"],
  date: ["'2024-02-29'", "'0001-01-01'"],
  'timestamp with time zone': ["'2024-02-29'", "'2024-01-01 12:30:00'", "'2024-01-01T12:30:00Z'"],
  'time without time zone': ["'12:30'"],
  uuid: ["'00000000-0000-4000-8000-000000000000'"],
  jsonb: ["'{}'", "'[1,2]'", "'null'"],
  bytea: ["''", "'x'"],
  'public.mood': ["'glad'", "'o''k'"],
};

test.each(majors())('PostgreSQL %i', async (major) => {
  const client = await connect(await createDatabase(major));
  await client.query("CREATE TYPE mood AS ENUM ('glad', 'o''k')");
  const wrong: string[] = [];
  for (const type of TYPES)
    for (const literal of LITERALS) {
      if (!acceptsConstant(type, literal, [MOOD])) continue;
      const sql = `CREATE TEMP TABLE tried (own ${type} DEFAULT ${literal}); INSERT INTO tried DEFAULT VALUES; DROP TABLE tried`;
      await client
        .query(sql)
        .catch((error: Error) => wrong.push(`${type} DEFAULT ${literal}: ${error.message}`));
    }
  expect(wrong).toEqual([]);
  for (const [type, literals] of Object.entries(TAKEN))
    expect(literals.filter((each) => !acceptsConstant(type, each, [MOOD]))).toEqual([]);
});
