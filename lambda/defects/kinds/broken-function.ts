import { findBrokenFunctions } from '../bodies';
import type { FindingKind } from '../kind';

export const brokenFunction: FindingKind = {
  id: 'broken-function',
  title: 'A function refers to an object that does not exist',
  impact:
    'The function fails when it reaches the reference, and so does every statement whose policy, trigger or default calls it.',
  origin:
    'The server keeps track of names in tables, views and policies, but stores a body in PL/pgSQL or SQL as text: objects that it names can be dropped or left out of a move.',
  audit: {
    confidences: { A: 'no schema has a function or a relation of this name' },
    remedy:
      'Create the object that it names, or rewrite the function. If the function is not called, drop it.',
    blind:
      'Columns, SQL run by EXECUTE, names that exist only outside the search path, bodies in other languages, and bodies with EXCEPTION, which expect errors.',
    unwritten: 'the database does not show what the function expects',
    find: findBrokenFunctions,
  },
};
