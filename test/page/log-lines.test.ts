import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { beforeAll, describe, expect, it } from 'vitest';
import { SIGNATURES } from '../../lambda/defects/signatures';
import { eventsOfFile, parseLogLine } from '../../lambda/page/log-lines';
import { databasePatterns, heartbeatPatterns } from '../../lib/constructs/log-patterns';
import { compileFilterPattern } from '../support/filter-pattern';
import { failing, type LogServer, RDS_PREFIX, RDS_PREFIX_16, startLogServer } from '../support/log-server';

const file = (name: string): string[] =>
  readFileSync(join(__dirname, '../data/postgres-logs', name), 'utf8')
    .trimEnd()
    .split('\n');

async function eventsOf(lines: readonly string[]): Promise<string[]> {
  const events: string[] = [];
  for await (const event of eventsOfFile(lines)) events.push(event);
  return events;
}

describe('lines of real servers', () => {
  it('parses every line of every file', async () => {
    for (const major of [12, 13, 14, 15, 16, 17, 18]) {
      for (const verbosity of ['terse', 'default', 'verbose']) {
        const events = await eventsOf(file(`pg${major}-${verbosity}-stderr.log`));
        expect(events.length).toBeGreaterThan(30);
        for (const event of events) {
          const line = parseLogLine(event);
          expect(line, event).not.toBeNull();
          const begins = ['LOG', 'ERROR', 'FATAL'].includes(line!.severity);
          expect(line!.sqlstate !== null, event).toBe(verbosity === 'verbose' && begins);
        }
      }
    }
  });

  it('IPv6, local sockets, colons and @ in names, lines inside literals', async () => {
    const events = await eventsOf(file('pg17-prefix-variants-stderr.log'));
    const parsed = events.map((event) => parseLogLine(event)!);
    expect(parsed.every((line) => line !== null)).toBe(true);
    expect(new Set(parsed.map(({ user, database }) => `${user} in ${database}`))).toEqual(
      new Set([' in ', 'postgres in postgres', 'we:ird@user in postgres']),
    );
    // The forged line inside a literal stays in the statement's event.
    const statement = parsed.find((line) => line.severity === 'STATEMENT' && line.text.includes('forged'))!;
    expect(statement.text.split('\n')).toHaveLength(4);
    expect(parsed.filter((line) => line.severity === 'FATAL')).toEqual([]);
  });

  it('what is no line of such a log', () => {
    for (const text of [
      '',
      'START RequestId: 1',
      '\tcontinued',
      '2026-11-21 08:59:29 UTC:127.0.0.1(1):a@b:[1]:',
    ])
      expect(parseLogLine(text)).toBeNull();
  });

  it('times', () => {
    const time = (text: string): number | null => parseLogLine(`${text}:[local]:a@b:[1]:LOG:  x`)!.timeMs;
    expect(time('2026-11-21 08:59:29 UTC')).toBe(Date.UTC(2026, 10, 21, 8, 59, 29));
    expect(time('2026-11-21 08:59:29.316 UTC')).toBe(Date.UTC(2026, 10, 21, 8, 59, 29, 316));
    expect(time('2026-11-21 08:59:29 CET')).toBeNull();
  });
});

const FORMS: readonly (readonly [number, string])[] = [
  [13, RDS_PREFIX],
  [18, RDS_PREFIX],
  [18, RDS_PREFIX_16],
  [18, `${RDS_PREFIX_16}:`],
];

const SETUP = `
  CREATE TABLE purchases (id uuid PRIMARY KEY, note text NOT NULL, owner varchar(40));
  INSERT INTO purchases VALUES (gen_random_uuid(), 'x', NULL);
  CREATE TABLE owners (id uuid PRIMARY KEY);
  CREATE TABLE logs (line text, n int CHECK (n > 0));
  CREATE DOMAIN nn AS text NOT NULL;
  CREATE FUNCTION wrong() RETURNS void LANGUAGE plpgsql AS $$
    BEGIN INSERT INTO purchases (note) VALUES ('inside a function'); END $$;
  CREATE FUNCTION wrong_conflict() RETURNS void LANGUAGE plpgsql AS $$
    BEGIN INSERT INTO purchases (id, note) VALUES (NULL, 'x') ON CONFLICT (note) DO NOTHING; END $$`;

/** One of each wording. */
const TRUE_ERRORS: Readonly<Record<string, readonly string[]>> = {
  'not-null': ["INSERT INTO purchases (note) VALUES ('x')", 'SELECT wrong()'],
  'on-conflict': [
    "INSERT INTO purchases (note)\nVALUES ('x')\nON CONFLICT (note) DO NOTHING",
    'SELECT wrong_conflict()',
  ],
  'uuid-function': [
    'SELECT uuid_generate_v4()',
    'SELECT public.uuid_generate_v1mc()',
    "SELECT uuid_generate_v5('x', 'y')",
  ],
  'key-types': [
    'SELECT 1 FROM purchases p JOIN owners o ON o.id = p.owner',
    'SELECT 1 FROM purchases p JOIN owners o ON p.owner = o.id',
    'ALTER TABLE purchases ADD FOREIGN KEY (owner) REFERENCES owners (id)',
    'INSERT INTO owners SELECT owner FROM purchases',
  ],
};

const NOT_NULL_TEXT = 'null value in column "id" of relation "t" violates not-null constraint';
const CONFLICT_TEXT = 'there is no unique or exclusion constraint matching the ON CONFLICT specification';

/** Errors and lines with similar words, none of which counts. */
const OTHERS: readonly string[] = [
  // 23502 in other words.
  'ALTER TABLE purchases ALTER owner SET NOT NULL',
  'SELECT NULL::nn',
  // 42P10 in other words.
  'SELECT DISTINCT id FROM owners ORDER BY id::text',
  // The words in the statement of another error, as a whole line, too.
  `INSERT INTO logs VALUES ('ERROR:  ${NOT_NULL_TEXT}', 0)`,
  `INSERT INTO logs VALUES ('ERROR:  ${CONFLICT_TEXT}', 0)`,
  `INSERT INTO logs VALUES ('x\n2026-11-21 08:59:29 UTC:127.0.0.1(1):a@b:[1]:ERROR:  ${NOT_NULL_TEXT}', 0)`,
  // Another message around the words.
  `DO $$ BEGIN RAISE EXCEPTION 'import failed: ${NOT_NULL_TEXT}'; END $$`,
  `DO $$ BEGIN RAISE WARNING 'ERROR:  ${NOT_NULL_TEXT}'; END $$`,
  `DO $$ BEGIN RAISE LOG 'ERROR:  ${CONFLICT_TEXT}'; END $$`,
  `DO $$ BEGIN RAISE EXCEPTION 'x' USING HINT = 'ERROR:  ${NOT_NULL_TEXT}', DETAIL = 'ERROR:  ${CONFLICT_TEXT}'; END $$`,
  // 42883 on something else.
  "SELECT no_such_function('703409ee-1105-41c0-9a7e-fb5b3612a135'::uuid)",
  'SELECT 1::integer = ARRAY[1]',
];
/** The very same words, raised on purpose. */
const RAISED = [NOT_NULL_TEXT, CONFLICT_TEXT].map((text) => `DO $$ BEGIN RAISE EXCEPTION '${text}'; END $$`);

describe.each(FORMS)('PostgreSQL %i with the prefix %s', (major, prefix) => {
  let server: LogServer;
  const counts = async (lines: readonly string[]): Promise<Record<string, number>> => {
    const events = await eventsOf(lines);
    return Object.fromEntries(
      SIGNATURES.map((signature) => {
        const filters = databasePatterns(signature, { exceptRoles: ['migrator'] }).map(compileFilterPattern);
        return [signature.id, events.flatMap((event) => filters.filter((matches) => matches(event))).length];
      }),
    );
  };
  const none = Object.fromEntries(SIGNATURES.map(({ id }) => [id, 0]));

  beforeAll(async () => {
    server = await startLogServer(major, { log_line_prefix: prefix });
    await server.logged(async (client) => {
      await client.query(SETUP);
      await client.query(`CREATE ROLE migrator SUPERUSER LOGIN PASSWORD 'm'`);
    });
  });

  it.each(['terse', 'default', 'verbose'])(
    '%s: counts each true error once, and parses it',
    async (verbosity) => {
      const run = (statements: readonly string[], url?: string) =>
        server.logged(async (client) => {
          await client.query(`SET log_error_verbosity = ${verbosity}`);
          await failing(client, statements);
        }, url);
      const all = Object.values(TRUE_ERRORS).flat();
      const lines = await run(all);
      const expected = Object.fromEntries(Object.entries(TRUE_ERRORS).map(([id, list]) => [id, list.length]));
      expect(await counts(lines)).toEqual(expected);
      for (const event of await eventsOf(lines)) {
        const line = parseLogLine(event);
        expect(line, event).not.toBeNull();
        expect(line).toMatchObject({ user: 'postgres', database: 'postgres' });
      }
      const others = await run(OTHERS);
      // All but RAISE WARNING and RAISE LOG failed, as they should.
      expect(
        others.filter((line) => / ?:?ERROR: {2}/.test(line) && parseLogLine(line)?.severity === 'ERROR'),
      ).toHaveLength(OTHERS.length - 2);
      expect(await counts(others)).toEqual(none);

      // The same words raised on purpose count only where the log does not have their SQLSTATE.
      const told = verbosity === 'verbose' || prefix !== RDS_PREFIX;
      expect(await counts(await run(RAISED))).toEqual(
        told ? none : { ...none, 'not-null': 1, 'on-conflict': 1 },
      );
      // The migrator has a role of its own here.
      expect(await counts(await run(all, server.server.url('postgres', 'migrator', 'm')))).toEqual(none);
    },
  );

  it('the heartbeat line counts once', async () => {
    const [filters, others] = ['courses', 'course'].map((name) =>
      heartbeatPatterns('db', name).map(compileFilterPattern),
    );
    for (const verbosity of ['default', 'verbose']) {
      const lines = await server.logged(async (client) => {
        await client.query(`SET log_error_verbosity = ${verbosity}; SET log_statement = 'all'`);
        await client.query(`DO $$ BEGIN RAISE LOG 'trueup heartbeat (db/courses)'; END $$`);
      });
      const events = await eventsOf(lines);
      expect(events.flatMap((event) => filters!.filter((matches) => matches(event)))).toHaveLength(1);
      expect(events.flatMap((event) => others!.filter((matches) => matches(event)))).toHaveLength(0);
    }
  });

  it('names with colons and @', async () => {
    const name = 'we:ird@user:[7]:x';
    await server.logged(async (client) => {
      await client.query(`CREATE ROLE "${name}" LOGIN PASSWORD 'w'`);
      await client.query(`GRANT ALL ON ALL TABLES IN SCHEMA public TO PUBLIC`);
    });
    const client = new Client({ connectionString: server.server.url('postgres', name, 'w') });
    const lines = await server.logged(async () => {
      await client.connect();
      await failing(client, TRUE_ERRORS['not-null']!.slice(0, 1));
      await client.end();
    });
    expect(await counts(lines)).toEqual({ ...none, 'not-null': 1 });
  });
});
