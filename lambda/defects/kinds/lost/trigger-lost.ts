import { lostKind } from '../../lost';

export const triggerLost = lostKind('trigger-lost', {
  title: 'A trigger of the source is missing, disabled or another one',
  impact: 'What it did with each row is not done, and nothing fails.',
  origin: 'AWS DMS moves no triggers, and asks to disable them while it loads.',
  remedy:
    'CREATE TRIGGER, or ALTER TABLE … ENABLE TRIGGER. Rows that were written meanwhile were written without it.',
});
