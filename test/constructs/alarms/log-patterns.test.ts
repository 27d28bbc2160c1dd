/** The patterns against every line of the logs of real servers: each true error once, and nothing else. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SIGNATURES } from '../../../lambda/defects/signatures';
import { readEventsOfFile } from '../../../lambda/page/logs/log-lines';
import {
  buildApplicationPatterns,
  buildDatabasePatterns,
  LOG_FILTER_LIMITS,
} from '../../../lib/constructs/alarms/log-patterns';
import { compileFilterPattern } from '../../support/filter-pattern';

const FOLDER = join(__dirname, '../../data/postgres-logs');
const read = (file: string): string => readFileSync(join(FOLDER, file), 'utf8');
const lines = (file: string): string[] => read(file).trimEnd().split('\n');

/** What the client was told, by the scenarios' names: the truth, apart from the log. */
interface ClientError {
  readonly name: string;
  readonly code?: string;
  readonly message?: string;
}
const clientErrors = (major: number): ClientError[] =>
  lines(`pg${major}-client-errors.json`).map((line) => JSON.parse(line) as ClientError);

const SCENARIOS: Readonly<Record<string, readonly RegExp[]>> = {
  'not-null': [/^23502 not null/],
  'on-conflict': [/^42P10/],
  'uuid-function': [/^42883 (gen_random_uuid|uuid_generate_v4)/],
  'key-types': [/^42883 uuid = varchar/, /^42804 fk/],
  'duplicate-key': [/^23505 unique/, /^23505 inside/],
};
const truth = (major: number, signature: string): number =>
  clientErrors(major).filter(
    ({ name, code }) => code !== undefined && SCENARIOS[signature]!.some((scenario) => scenario.test(name)),
  ).length;

async function counted(events: Iterable<string>, patterns: readonly string[]): Promise<number> {
  const filters = patterns.map(compileFilterPattern);
  let count = 0;
  // As CloudWatch does it: each filter counts on its own.
  for (const event of events) count += filters.filter((matches) => matches(event)).length;
  return count;
}
async function events(file: string): Promise<string[]> {
  const found: string[] = [];
  for await (const event of readEventsOfFile(lines(file))) found.push(event);
  return found;
}

const majors = [12, 13, 14, 15, 16, 17, 18];

describe.each(SIGNATURES.map((signature) => [signature.id, signature] as const))('%s', (id, signature) => {
  const files = majors.flatMap((major) =>
    ['terse', 'default', 'verbose'].map((verbosity) => [major, verbosity] as const),
  );
  it.each(files)('PostgreSQL %i, %s: each error once', async (major, verbosity) => {
    const expected = truth(major, id);
    expect(expected).toBeGreaterThan(0);
    expect(
      await counted(await events(`pg${major}-${verbosity}-stderr.log`), buildDatabasePatterns(signature)),
    ).toBe(expected);
  });

  it.each(readdirSync(FOLDER).filter((file) => file.startsWith('pg17-extra-')))(
    '%s: each error once, whatever else is logged',
    async (file) => {
      const all = await events(file);
      // These logs have no list of their own: an ERROR line that begins with the words, in whatever prefix, is the truth.
      const expected = all.filter((event) =>
        signature.messages.some(({ pattern }) =>
          pattern.test(/:ERROR: {2}([\s\S]*?)(?: at character \d+)?$/.exec(event)?.[1] ?? ''),
        ),
      ).length;
      expect(await counted(all, buildDatabasePatterns(signature))).toBe(expected);
    },
  );

  it.each([15, 16, 17, 18])('PostgreSQL %i as JSON: each error once', async (major) => {
    const format = { format: 'json', sqlstate: '$.state_code', message: '$.message' } as const;
    for (const verbosity of ['default', 'verbose']) {
      const log = lines(`pg${major}-${verbosity}-jsonlog.json`);
      expect(await counted(log, buildApplicationPatterns(signature, format))).toBe(truth(major, id));
    }
  });

  it.each([12, 13, 17, 18])(
    'PostgreSQL %i as CSV, beside the text: not counted a second time',
    async (major) => {
      expect(await counted(lines(`pg${major}-default-csvlog.csv`), buildDatabasePatterns(signature))).toBe(0);
    },
  );

  it('fits the limits', () => {
    for (const pattern of buildDatabasePatterns(signature, {
      excludedRoles: ['migrator'],
      ignore: ['audit_log'],
    }))
      expect(pattern.length).toBeLessThan(LOG_FILTER_LIMITS.patternLength);
  });
});

describe('an application’s log', () => {
  const message = 'null value in column "id" of relation "lead_purchases" violates not-null constraint';
  const [notNull] = SIGNATURES;
  it.each([
    `error: ${message}`,
    `org.postgresql.util.PSQLException: ERROR: ${message}`,
    `psycopg2.errors.NotNullViolation: ${message}\nDETAIL:  Failing row contains (…)`,
    JSON.stringify({ level: 'error', message }),
  ])('as text: %s', async (line) => {
    expect(await counted([line], buildApplicationPatterns(notNull!, { format: 'text' }))).toBe(1);
    expect(
      await counted([line], buildApplicationPatterns(notNull!, { format: 'text' }, ['lead_purchases'])),
    ).toBe(0);
  });
  it('words in a value that the server quotes do not count', async () => {
    for (const around of [
      `error: invalid input syntax for type uuid: "${message}"`,
      `error: invalid input value for enum mood: "${message}"`,
      `error: date/time field value out of range: "${message}"`,
      `error: time zone "${message}" not recognized`,
      `error: malformed array literal: "${message}"`,
    ])
      expect(await counted([around], buildApplicationPatterns(notNull!, { format: 'text' })), around).toBe(0);
  });
  it('as JSON, by SQLSTATE and words', async () => {
    const format = { format: 'json', sqlstate: '$.err.code', message: '$.err.message' } as const;
    const patterns = buildApplicationPatterns(notNull!, format);
    const line = (code: string, text: string) => JSON.stringify({ err: { code, message: text } });
    expect(await counted([line('23502', message)], patterns)).toBe(1);
    expect(await counted([line('P0001', message)], patterns)).toBe(0);
    expect(
      await counted(
        [
          line('23502', 'column "x" of relation "t" contains null values'),
          line('23502', 'domain d does not allow null values'),
        ],
        patterns,
      ),
    ).toBe(0);
    expect(
      await counted([line('23502', message)], buildApplicationPatterns(notNull!, format, ['lead_purchases'])),
    ).toBe(0);
  });
});

describe('what a pattern cannot hold is refused', () => {
  const [notNull] = SIGNATURES;
  it.each([
    { ignore: ['relation "t"'] },
    { ignore: ['naïve'] },
    { excludedRoles: ['my"role'] },
    { ignore: ['back\\slash'] },
  ])('%j', (options) =>
    expect(() => buildDatabasePatterns(notNull!, options)).toThrow(/cannot hold the phrase/),
  );
  it('a pattern that is too long', () =>
    expect(() =>
      buildDatabasePatterns(notNull!, { ignore: [...Array(60)].map((_, i) => `a_rather_long_phrase_${i}`) }),
    ).toThrow(/1024/));
  it('a selector that is none', () =>
    expect(() =>
      buildApplicationPatterns(notNull!, { format: 'json', sqlstate: 'code', message: '$.m' }),
    ).toThrow(/property selector/));
});
