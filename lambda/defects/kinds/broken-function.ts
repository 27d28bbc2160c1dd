import { brokenFunctions } from '../bodies';
import type { Kind } from '../kind';

export const brokenFunction: Kind = {
  id: 'broken-function',
  title: 'A function names what is not there',
  impact:
    'It ends in an error as soon as it comes there, and with it every statement whose policy, trigger or default calls it.',
  origin:
    'The server keeps track of names in tables, views and policies, but a body in PL/pgSQL or SQL is a text to it: what it names can be dropped, or never come along in a move.',
  audit: {
    grades: { A: 'no schema has a function or a relation of this name' },
    remedy: 'Create what it names, or write the function anew. Where nobody calls it, drop it.',
    blind:
      'Columns, what EXECUTE runs, names that the search path does not lead to though a schema has them, bodies in other languages, and bodies with EXCEPTION: they expect errors.',
    unwritten: 'nothing in the database says what the function expects',
    find: brokenFunctions,
  },
};
