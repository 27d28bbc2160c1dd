/** Two releases of the folder that a campaign deploys. */
import { file } from '../../compiler/support';

/** The data of the first release counts; the second one has what a rollback undoes, and what it keeps. */
export const FIRST = {
  '0001_tables.sql': file(
    'CREATE TABLE t (id int PRIMARY KEY, n int); INSERT INTO t SELECT i, 0 FROM generate_series(1, 200) i; CREATE TABLE counter (n int); INSERT INTO counter VALUES (0)',
  ),
};
export const SECOND = {
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
