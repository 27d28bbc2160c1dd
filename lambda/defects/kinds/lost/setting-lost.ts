import { lostKind } from '../../lost';

export const settingLost = lostKind('setting-lost', {
  title: 'A setting of a role or of the database is missing or another one',
  impact: 'The same statement means something else: another schema is searched, dates are read otherwise.',
  origin: 'ALTER ROLE … SET and ALTER DATABASE … SET are not part of a dump of one database.',
  remedy:
    'ALTER ROLE … SET, or ALTER DATABASE … SET, as the source has it. Sessions that are open keep the old value.',
});
