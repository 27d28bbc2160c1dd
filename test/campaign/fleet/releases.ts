/** Releases that a campaign deploys: a folder, and the statements that its application sends. */
import { type Manifest, makeGuaranteedWorkload } from '../../../lambda/contract/manifest';
import { compile, type Files, file } from '../../compiler/support';

/** The data of the first release counts; the second one has what a rollback undoes, and what it keeps. */
const FIRST = {
  '0001_tables.sql': file(
    'CREATE TABLE t (id int PRIMARY KEY, n int); INSERT INTO t SELECT i, 0 FROM generate_series(1, 200) i; CREATE TABLE counter (n int); INSERT INTO counter VALUES (0)',
  ),
};
const SECOND = {
  ...FIRST,
  '0002_count.sql': file('UPDATE counter SET n = n + 1'),
  '0003_index.sql': file(
    'CREATE INDEX CONCURRENTLY t_n ON t (n)',
    '-- migrate:down\nDROP INDEX CONCURRENTLY t_n',
  ),
  '0004_default.sql': file(
    'ALTER TABLE t ALTER n SET DEFAULT 7',
    '-- migrate:down\nALTER TABLE t ALTER n DROP DEFAULT',
  ),
  '0005_check.sql': file(
    'ALTER TABLE t ADD CONSTRAINT positive CHECK (n >= 0) NOT VALID',
    '-- migrate:down\nALTER TABLE t DROP CONSTRAINT positive',
  ),
  '0006_count.sql': file('UPDATE counter SET n = n + 1'),
};
/** A column that the running application reads has another name: no tenant takes it. */
const BREAKING = {
  ...SECOND,
  '0007_rename.sql': file('ALTER TABLE t RENAME n TO m', '-- migrate:down\nALTER TABLE t RENAME m TO n'),
};

const READ = 'SELECT n FROM t WHERE id = $1';
const WRITE = 'INSERT INTO t (id, n) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET n = excluded.n';
const COUNT = 'UPDATE counter SET n = n + $1';

/** Of the last release, sorted. */
export const PROMISED = [READ, WRITE, COUNT].sort();

async function release(files: Files, ...statements: string[]): Promise<Manifest> {
  const asked = statements.map((text) => ({ text, role: null, searchPath: null, calls: null }));
  return { ...(await compile(files)), workload: makeGuaranteedWorkload(asked) };
}

export interface Releases {
  readonly first: Manifest;
  readonly second: Manifest;
  /** The second one's files, and another workload. */
  readonly reworked: Manifest;
  readonly breaking: Manifest;
}

export const releases = async (): Promise<Releases> => ({
  first: await release(FIRST, READ),
  second: await release(SECOND, READ, WRITE),
  reworked: await release(SECOND, READ, WRITE, COUNT),
  breaking: await release(BREAKING, READ.replace('n', 'm')),
});
