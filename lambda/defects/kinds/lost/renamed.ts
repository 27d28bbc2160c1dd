import { lostKind } from '../../lost';

export const renamed = lostKind('renamed', {
  title: 'An index or constraint has another name or form than in the source',
  impact: 'ON CONFLICT ON CONSTRAINT, and code that reads the name in an error, do not find it.',
  origin: 'A tool created it anew and named it itself.',
  remedy:
    'ALTER INDEX or ALTER TABLE … RENAME CONSTRAINT, if something uses the name; ADD CONSTRAINT … USING INDEX makes a constraint of a unique index.',
  grade: 'C',
  habit: 'it is a primary key on the same columns: movers, AWS DMS among them, name it themselves',
});
