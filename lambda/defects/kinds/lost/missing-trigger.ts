import { makeLostKind } from '../../lost-kind';

export const missingTrigger = makeLostKind('missing-trigger', {
  title: 'A trigger of the source is missing, disabled or different',
  impact: 'What it does for each row no longer happens, and no error reports that.',
  origin: 'AWS DMS moves no triggers, and its documentation asks to disable them during the load.',
  remedy: 'CREATE TRIGGER, or ALTER TABLE … ENABLE TRIGGER. Check the rows that were written without it.',
});
