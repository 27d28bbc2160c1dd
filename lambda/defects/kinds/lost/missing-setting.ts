import { makeLostKind } from '../../lost-kind';

export const missingSetting = makeLostKind('missing-setting', {
  title: 'A setting of a role or of the database is missing or different',
  impact:
    'The same statement behaves differently: for example, it searches another schema or parses dates differently.',
  origin: 'ALTER ROLE … SET and ALTER DATABASE … SET are not part of a dump of one database.',
  remedy:
    'ALTER ROLE … SET, or ALTER DATABASE … SET, with the value of the source. Open sessions keep the old value.',
});
