import { isNotEnforced } from '../../sql/catalogue';
import { quoteLiteral } from '../../sql/quote';
import { APPLICATION_TABLES, TABLE_NAME } from '../catalogue';
import type { DefectKind } from '../defect';
import { checksTable, isSame } from '../effects';
import { unvalidated } from '../unvalidated';

export const unvalidatedConstraint: DefectKind = {
  id: 'unvalidated-constraint',
  title: 'A constraint was added NOT VALID and never validated',
  sqlstates: [],
  log: null,
  impact: 'New rows are checked, old ones are not: the data may contradict what the schema says.',
  origin:
    'NOT VALID is the right first step on a busy table, but the second step, VALIDATE CONSTRAINT, was forgotten, ' +
    'or it failed on rows that violate the constraint.',
  audit: {
    grades: {
      A: 'rows contradict it',
      B: 'in the source it is validated',
      C: 'whether rows contradict it was not looked at',
      D: 'every row was looked at, and none contradicts it: many healthy databases have such',
    },
    remedy: 'VALIDATE CONSTRAINT, by itself. Rows that violate it have to be settled first.',
    blind:
      'Rows of large tables without --deep, and a CHECK that calls more than a few functions of the server: it is not run.',
    find: unvalidated,
  },
  catalogue: {
    sql: `
SELECT ${TABLE_NAME} AS "table", quote_ident(k.conname) AS object,
  format('Constraint %I on %I.%I is NOT VALID: %s.', k.conname, n.nspname, c.relname, pg_get_constraintdef(k.oid, true)) AS sentence
FROM pg_constraint k
JOIN pg_class c ON c.oid = k.conrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE NOT k.convalidated AND ${APPLICATION_TABLES}
  -- From PostgreSQL 18 on: NOT ENFORCED is a decision, not an omission.
  AND NOT (${isNotEnforced('k')})
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
    effect.kind === 'validate constraint' && isSame(effect.table, object.table) && effect.name === object.name
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
