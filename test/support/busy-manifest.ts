/** A manifest with one of everything that can be cut: transactions, CONCURRENTLY, VALIDATE, a batch, a repeatable. */
import type { Manifest } from '../../lambda/contract/manifest';
import { manifestOf, migration } from './manifest';

const exclusive = (relation: string) => [{ relation, mode: 'ACCESS EXCLUSIVE' as const, created: false }];

export const busyManifest: Manifest = manifestOf(
  migration('0001_tables', {
    up: [
      'CREATE TABLE parent (id int PRIMARY KEY)',
      'CREATE TABLE child (id int PRIMARY KEY, parent int, note text, done boolean)',
      'INSERT INTO parent SELECT n FROM generate_series(1, 50) n',
      "INSERT INTO child SELECT n, n, 'n' || n, false FROM generate_series(1, 50) n",
    ],
    verify: "SELECT 'rows are missing' WHERE (SELECT count(*) FROM child) <> 50",
  }),
  migration('0002_index', {
    up: [
      {
        sql: 'CREATE UNIQUE INDEX CONCURRENTLY child_note ON child (note)',
        execution: 'non-transactional',
        target: {
          kind: 'index',
          action: 'create',
          name: 'child_note',
          schema: null,
          table: 'child',
          unique: true,
        },
      },
      {
        sql: 'CREATE INDEX CONCURRENTLY child_parent ON child (parent)',
        execution: 'non-transactional',
        target: {
          kind: 'index',
          action: 'create',
          name: 'child_parent',
          schema: null,
          table: 'child',
          unique: false,
        },
      },
    ],
    verify:
      "SELECT 'not valid: ' || i FROM unnest('{child_note,child_parent}'::text[]) i WHERE NOT EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass(i) AND indisvalid)",
  }),
  migration('0003_reference', {
    up: [
      {
        sql: 'ALTER TABLE child ADD CONSTRAINT child_parent_fk FOREIGN KEY (parent) REFERENCES parent NOT VALID',
        locks: [
          { relation: 'child', mode: 'SHARE ROW EXCLUSIVE', created: false },
          { relation: 'parent', mode: 'SHARE ROW EXCLUSIVE', created: false },
        ],
      },
      {
        sql: 'ALTER TABLE child VALIDATE CONSTRAINT child_parent_fk',
        execution: 'separate',
        target: { kind: 'constraint', action: 'validate', name: 'child_parent_fk', table: 'child' },
      },
    ],
    verify:
      "SELECT 'not validated' FROM pg_constraint WHERE conname = 'child_parent_fk' AND NOT convalidated",
  }),
  migration('0004_backfill', {
    up: [
      {
        sql: 'UPDATE child SET done = true WHERE id IN (SELECT id FROM child WHERE NOT done LIMIT 20)',
        execution: 'batch',
      },
    ],
    verify: "SELECT 'not done' FROM child WHERE NOT done",
  }),
  migration('0005_default', {
    up: [{ sql: 'ALTER TABLE child ALTER done SET DEFAULT false', locks: exclusive('child') }],
    verify: "SELECT * FROM trueup.col_has_default('child', 'done')",
  }),
  migration('R__count', {
    up: ["CREATE OR REPLACE FUNCTION children() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM child'"],
  }),
);
