import { listAttributedFindings } from '../attributed-findings';
import type { FindingKind } from '../kind';

export const failingStatement: FindingKind = {
  id: 'failing-statement',
  title: 'A statement of the application fails',
  impact: 'The application gets an error each time that it sends it.',
  origin:
    'A statement of the workload names an object that the database does not have, and no other check explains it.',
  audit: {
    confidences: { A: 'the server refuses to plan it' },
    remedy:
      'Check the SQLSTATE and the names in the message; `trueup check-workload` plans the workload again. Remove statements that the application no longer sends from the workload.',
    blind: 'Statements that fail only when they run.',
    unwritten: 'the database does not show what the statement expects',
    find: (evidence) => listAttributedFindings('failing-statement', evidence),
  },
};
