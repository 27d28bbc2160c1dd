import { quoteLiteral, quoteTextArray } from '../../sql/quote';
import { listAttributedFindings } from '../attributed-findings';
import type { DefectKind } from '../defect';
import { isUniqueOver, verifiesConflictTarget } from '../effects';
import { ON_CONFLICT } from '../signatures/on-conflict';
import { buildConflictTargetsSql } from './missing-conflict-target';

export const missingConflictPredicate: DefectKind = {
  id: 'missing-conflict-predicate',
  title: 'ON CONFLICT lacks the predicate of the partial index',
  sqlstates: ['42P10'],
  log: ON_CONFLICT,
  impact:
    'The INSERT fails every time, or from the sixth execution of a prepared statement on. Every later statement in ' +
    'the same transaction fails too.',
  origin:
    'The unique index is partial (`… WHERE is_active`), and PostgreSQL infers it for ON CONFLICT only if the clause ' +
    'repeats a predicate that implies it: `ON CONFLICT (a, b) WHERE is_active`. `WHERE is_active` and `WHERE ' +
    'is_active = true` match each other; `WHERE is_active IS TRUE` matches neither. A bind parameter in the ' +
    'predicate ' +
    'works until the server switches to a generic plan, at the sixth execution of the prepared statement.',
  audit: {
    confidences: { A: 'a statement of the workload fails with 42P10, and a partial index has its columns' },
    remedy: "Repeat the index's predicate in the statement, with constants: ON CONFLICT (…) WHERE ….",
    unwritten: 'the statement must change, not the database',
    blind: 'A clause whose predicate holds a constant is undecided: the workload has no constants.',
    find: (evidence) => listAttributedFindings('missing-conflict-predicate', evidence),
  },
  catalog: {
    sql: buildConflictTargetsSql('i.indpred IS NOT NULL'),
    rows: 'evidence',
    blind:
      'It lists the partial unique indexes. Only the statement shows whether it repeats their predicate.',
  },
  repair: (object) => ({
    words:
      `Add the index's predicate to the application's statement, with constants instead of parameters: ` +
      `ON CONFLICT (${object.columns.join(', ')}) WHERE ${object.detail ?? '<predicate of the index>'}. ` +
      'An index without a predicate would also work for the statement as it is, but it forbids rows that the ' +
      'partial index allows.',
    sql: [],
  }),
  verification: (object) =>
    `SELECT trueup.on_conflict_target(${quoteLiteral(object.table)}, ${quoteTextArray(object.columns)}, ` +
    `${quoteLiteral(object.detail)})`,
  does: (effect, object) => (isUniqueOver(effect, object) ? 'makes' : null),
  verifies: verifiesConflictTarget,
  example: {
    schema:
      'CREATE TABLE student_course_purchases (student_id bigint, course_id bigint, is_active boolean);\n' +
      'CREATE UNIQUE INDEX unique_active_purchase ON student_course_purchases (student_id, course_id) WHERE is_active;',
    statement:
      'INSERT INTO student_course_purchases (student_id, course_id, is_active) VALUES (1, 2, true) ' +
      'ON CONFLICT (student_id, course_id) DO NOTHING',
    object: {
      table: 'public.student_course_purchases',
      column: null,
      columns: ['student_id', 'course_id'],
      name: 'unique_active_purchase',
      detail: 'is_active',
    },
  },
};
