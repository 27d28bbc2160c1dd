import { quoteLiteral, quoteTextArray } from '../../sql/quote';
import type { DefectKind } from '../defect';
import { isUniqueOver, verifiesTarget } from '../effects';
import { ON_CONFLICT } from '../signatures/on-conflict';
import { conflictTargetsSql } from './missing-conflict-target';

export const conflictPredicate: DefectKind = {
  id: 'conflict-predicate',
  title: 'ON CONFLICT does not carry the predicate of its partial index',
  sqlstates: ['42P10'],
  log: ON_CONFLICT,
  impact:
    'The INSERT fails every time, or from the sixth execution of a prepared statement on, and so does all that follows ' +
    'in the same transaction.',
  origin:
    'The unique index is partial (`… WHERE is_active`), and PostgreSQL takes it for ON CONFLICT only if the clause ' +
    'repeats a predicate that implies it: `ON CONFLICT (a, b) WHERE is_active`. `WHERE is_active` and `WHERE is_active ' +
    '= true` serve for each other, `WHERE is_active IS TRUE` serves for neither. A bind parameter in the predicate ' +
    'works until the server plans the prepared statement without its value, which is at the sixth execution.',
  catalogue: {
    sql: conflictTargetsSql('i.indpred IS NOT NULL'),
    rows: 'evidence',
    blind:
      'It lists the partial unique indexes; whether a statement repeats their predicate, only the statement says.',
  },
  drift: null,
  repair: (object) => ({
    words:
      `The application's statement has to carry the index's predicate, with constants and not with parameters: ` +
      `ON CONFLICT (${object.columns.join(', ')}) WHERE ${object.detail ?? '<predicate of the index>'}. ` +
      'An index without predicate would serve the statement as it is, but it also forbids rows that the partial one allows.',
    sql: [],
  }),
  verification: (object) =>
    `SELECT trueup.on_conflict_target(${quoteLiteral(object.table)}, ${quoteTextArray(object.columns)}, ` +
    `${quoteLiteral(object.detail)})`,
  does: (effect, object) => (isUniqueOver(effect, object) ? 'makes' : null),
  verifies: verifiesTarget,
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
