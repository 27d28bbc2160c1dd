import { lostKind } from '../../lost';

export const tableLost = lostKind('table-lost', {
  title: 'A table of the source is missing or another kind of table',
  impact: 'Every statement on it fails, or works on something else.',
  origin:
    'The mover was not told to take it, its creation failed on a type or an extension, or its name was folded to another case.',
  remedy:
    'Move it again, or create it and copy its rows. If it was left behind on purpose, accept the finding with the reason.',
});
