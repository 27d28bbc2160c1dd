import { buildNotEnforcedSql } from '../../sql/catalog';
import { quoteLiteral } from '../../sql/quote';
import { APPLICATION_TABLES_SQL, TABLE_NAME_SQL } from '../catalog';
import type { DefectKind } from '../defect';
import { checksTable, isSameName } from '../effects';
import { findUnvalidated } from '../unvalidated-constraints';

export const unvalidatedConstraint: DefectKind = {
  id: 'unvalidated-constraint',
  title: 'A constraint was added NOT VALID and never validated',
  sqlstates: [],
  log: null,
  impact: 'New rows are checked, but existing rows may violate the constraint.',
  origin:
    'NOT VALID is the right first step on a busy table, but the second step, VALIDATE CONSTRAINT, was forgotten, ' +
    'or it failed on rows that violate the constraint.',
  audit: {
    confidences: {
      A: 'rows violate it',
      B: 'in the source it is validated',
      C: 'existing rows were not checked',
      D: 'every row was checked and none violates it: many healthy databases have such constraints',
    },
    remedy: 'VALIDATE CONSTRAINT in a separate transaction. Resolve the rows that violate it first.',
    blind:
      'Rows of large tables without --full-scan, and rows of CHECK constraints that use types that are not built in, or functions other than a few built-in ones.',
    find: findUnvalidated,
  },
  catalog: {
    sql: `
SELECT ${TABLE_NAME_SQL} AS "table", quote_ident(k.conname) AS object,
  format('Constraint %I on %I.%I is NOT VALID: %s.', k.conname, n.nspname, c.relname, pg_get_constraintdef(k.oid, true)) AS sentence
FROM pg_constraint k
JOIN pg_class c ON c.oid = k.conrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE NOT k.convalidated AND ${APPLICATION_TABLES_SQL}
  -- From PostgreSQL 18 on: NOT ENFORCED is a decision, not an omission.
  AND NOT (${buildNotEnforcedSql('k')})
  AND ($1::text IS NULL OR c.relname = $1)
  AND ($2::text IS NULL OR EXISTS (SELECT FROM pg_attribute a
    WHERE a.attrelid = c.oid AND a.attname = $2 AND a.attnum = ANY (k.conkey)))
ORDER BY 1, 2`,
    rows: 'defect',
    blind: null,
  },
  repair: (object) => ({
    words:
      'Validate it. This reads the whole table under a lock that does not block writers. It fails if a row ' +
      'violates the constraint: resolve that row first.',
    sql: [`ALTER TABLE ${object.table} VALIDATE CONSTRAINT ${object.name};`],
  }),
  verification: (object) => `SELECT trueup.no_unvalidated_constraints(${quoteLiteral(object.table)})`,
  does: (effect, object) =>
    effect.kind === 'validate constraint' &&
    isSameName(effect.table, object.table) &&
    effect.name === object.name
      ? 'makes'
      : null,
  verifies: (check, object) => check.function === 'no_unvalidated_constraints' && checksTable(check, object),
  example: {
    schema:
      'CREATE TABLE appointments (id bigint PRIMARY KEY, duration integer);\n' +
      'ALTER TABLE appointments ADD CONSTRAINT duration_positive CHECK (duration > 0) NOT VALID;',
    statement: null,
    object: {
      table: 'public.appointments',
      column: null,
      columns: ['duration'],
      name: 'duration_positive',
      detail: null,
    },
  },
};
