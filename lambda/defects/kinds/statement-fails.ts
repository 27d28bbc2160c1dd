import { claimed } from '../claims';
import type { Kind } from '../kind';

export const statementFails: Kind = {
  id: 'statement-fails',
  title: 'A statement of the application fails',
  impact: 'The application gets an error each time that it sends it.',
  origin:
    'The workload has a statement that names what the database does not have, and no other kind explains it.',
  audit: {
    grades: { A: 'the server refuses to plan it' },
    remedy:
      'Look at the SQLSTATE and the names in it; `trueup rehearse` plans the workload again. A statement that is sent no more is to be taken out of the workload.',
    blind: 'What only fails when it runs.',
    unwritten: 'nothing in the database says what the statement expects',
    find: (evidence) => claimed('statement-fails', evidence),
  },
};
