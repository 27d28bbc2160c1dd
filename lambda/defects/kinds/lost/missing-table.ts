import { makeLostKind } from '../../lost-kind';

export const missingTable = makeLostKind('missing-table', {
  title: 'A table of the source is missing or a different kind of table',
  impact: 'Every statement on it fails or uses a different relation.',
  origin:
    'The migration tool was not configured to copy it, creating it failed on a type or an extension, or the case of its name changed.',
  remedy:
    'Move it again, or create it and copy its rows. If it was left out on purpose, suppress the finding with the reason.',
});
