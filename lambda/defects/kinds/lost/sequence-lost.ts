import { lostKind } from '../../lost';

export const sequenceLost = lostKind('sequence-lost', {
  title: 'A sequence of the source is missing or another one',
  impact: 'Calls of nextval fail, or count in another way.',
  origin: 'A sequence that belongs to no column is not moved with tables and rows.',
  remedy: 'CREATE SEQUENCE as the source has it, and setval to where the source stands.',
});
