import { makeLostKind } from '../../lost-kind';

export const constraintRenamed = makeLostKind('constraint-renamed', {
  title: 'The name or form of an index or constraint differs from the source',
  impact: 'ON CONFLICT ON CONSTRAINT, and code that reads the name in an error, do not find it.',
  origin: 'A tool created it again under a name of its choice.',
  remedy:
    'ALTER INDEX or ALTER TABLE … RENAME CONSTRAINT, if something uses the name; ADD CONSTRAINT … USING INDEX makes a constraint of a unique index.',
  confidence: 'C',
  habit: 'it is a primary key on the same columns: migration tools such as AWS DMS choose the name',
});
