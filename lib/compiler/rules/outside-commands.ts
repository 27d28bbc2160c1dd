import type { StatementTarget } from '../../../lambda/contract/manifest';

/**
 * Every command of a migration that PostgreSQL refuses in a transaction block, as messages name it. For each of them the
 * engine has to tell what became of one whose answer was lost; a rule cannot use a command that is not listed here.
 */
export const OUTSIDE_COMMANDS = [
  'CREATE INDEX CONCURRENTLY',
  'CREATE UNIQUE INDEX CONCURRENTLY',
  'DROP INDEX CONCURRENTLY',
  'REINDEX INDEX CONCURRENTLY',
  'REINDEX TABLE CONCURRENTLY',
  'REINDEX SCHEMA CONCURRENTLY',
  'REINDEX DATABASE CONCURRENTLY',
  'REINDEX SCHEMA',
  'REINDEX DATABASE',
  'REINDEX SYSTEM',
  'VACUUM',
  'CLUSTER',
  'ALTER TABLE DETACH PARTITION CONCURRENTLY',
  'CREATE SUBSCRIPTION',
  'ALTER SUBSCRIPTION',
  'DROP SUBSCRIPTION',
] as const;
export type OutsideCommand = (typeof OUTSIDE_COMMANDS)[number];

/** The target of a command that does the same when it is run again, and whose end leaves no trace in the catalogue. */
export const MAY_RUN_AGAIN: StatementTarget = { kind: 'maintenance', vacuumed: [] };
