/** What planned before and cannot be told afterwards: decided with the types of before where they decide, said where they do not. */
import { describe, expect, test } from 'vitest';
import { connect, createDatabase, majors } from '../../support/database';
import { run, up } from '../../support/engine';
import { manifestOf, migration, promising } from '../../support/manifest';

const first = migration('0001_notes', {
  up: [
    'CREATE TABLE notes (id int PRIMARY KEY, tags text[])',
    'CREATE FUNCTION twice(a int, b bigint) RETURNS int LANGUAGE sql AS $$ SELECT 1 $$',
    'CREATE TABLE buyers (id int, email text)',
    'CREATE UNIQUE INDEX buyers_email ON buyers (email)',
    'CREATE SEQUENCE numbers',
  ],
});
const TAGS = { text: 'SELECT id FROM notes WHERE tags @> $1', role: 'shop', calls: 7 };
const TWICE = 'SELECT twice($1, $2) FROM notes';
const UPSERT = 'INSERT INTO buyers (email) VALUES ($1) ON CONFLICT (email) WHERE id > $2 DO NOTHING';
const NUMBER = 'SELECT nextval($1)';
const PROMISED = [TAGS, TWICE, UPSERT, NUMBER];

describe.each(majors())('PostgreSQL %i', (major) => {
  const changed = async (...statements: string[]) => {
    const url = await createDatabase(major);
    await up(url, promising(manifestOf(first), ...PROMISED));
    const change = migration('0002_change', { up: statements });
    const next = migration('0003_next', { up: ['CREATE TABLE other (id int)'] });
    return { url, ...(await run(url, promising(manifestOf(first, change, next), ...PROMISED))) };
  };

  test('an operator that no type of its values would find is refused', async () => {
    const { outcome } = await changed(
      "ALTER TABLE notes ALTER tags TYPE text USING array_to_string(tags, ',')",
    );
    expect(outcome).toMatchObject({
      status: 'failed',
      error: {
        code: 'workload',
        migration: '0002_change',
        sqlstate: '42883',
        details: [expect.stringContaining(TAGS.text)],
      },
    });
  });

  test('what the types of its values decide is said, once', async () => {
    const { outcome } = await changed(
      'CREATE FUNCTION twice(a bigint, b int) RETURNS int LANGUAGE sql AS $$ SELECT 1 $$',
    );
    expect(outcome).toMatchObject({ status: 'done', report: { applied: ['0002_change', '0003_next'] } });
    expect(outcome.report.workload?.broken).toEqual([
      expect.objectContaining({ text: TWICE, as: 'undecided', migration: '0002_change' }),
    ]);
    expect(outcome.report.warnings).toEqual([
      expect.stringMatching(
        /^0002_change: a statement planned before, and it is not known whether it still does: SELECT twice/,
      ),
      '1 of 4 statements of the workload is undecided (1: several functions or operators match, and the types of its values are not in the workload)',
    ]);
  });

  test('a predicate with a value is undecided where an index has one, and broken where none has; neither passes', async () => {
    const doubt = await changed(
      'DROP INDEX buyers_email',
      'CREATE UNIQUE INDEX buyers_some ON buyers (email) WHERE id > 5',
    );
    expect(doubt.outcome).toMatchObject({
      status: 'failed',
      error: {
        code: 'workload',
        migration: '0002_change',
        message: '1 statement that the running application sends and this migration touches is undecided',
        details: [expect.stringContaining(UPSERT)],
      },
    });
    const gone = await changed('DROP INDEX buyers_email');
    expect(gone.outcome).toMatchObject({ status: 'failed', error: { code: 'workload', sqlstate: '42P10' } });
  });

  test('a sequence that is gone is said where a statement names its sequence by a value', async () => {
    const { outcome, url } = await changed('ALTER SEQUENCE numbers RENAME TO others');
    expect(outcome.report.warnings).toEqual([
      '0002_change: a statement still plans, but not as before: SELECT nextval($1): it names its sequence by a value, and a sequence no longer exists, or its role may not use it (public.numbers)',
    ]);
    const kept = await (await connect(url)).query('SELECT count(*)::int AS n FROM trueup.deployment_plans');
    expect(kept.rows).toEqual([{ n: 0 }]);
  });
});
