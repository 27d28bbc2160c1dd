import type { StatementTarget } from '../../../lambda/contract/manifest';

/**
 * Every command of a migration that PostgreSQL rejects in a transaction block, under its name in messages. For each of
 * them the engine must find out the result when the response was lost; a rule cannot use a command that is not listed
 * here.
 */
export const NON_TRANSACTIONAL_COMMANDS = [
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
export type NonTransactionalCommand = (typeof NON_TRANSACTIONAL_COMMANDS)[number];

/**
 * Target of a command that can be repeated with the same effect and whose completion leaves no trace in the catalog.
 */
export const REPEATABLE_TARGET: StatementTarget = { kind: 'maintenance', vacuumed: [] };
