import type { LogSignature } from '../defect';
import { ALARM_TEST_TABLE } from './alarm-test';

/**
 * ON CONFLICT finds no index, names a constraint that is not there, or one that cannot arbitrate. Not 42P10's other words,
 * `for SELECT DISTINCT, ORDER BY expressions must appear in select list`.
 */
export const ON_CONFLICT: LogSignature = {
  id: 'on-conflict',
  title: 'ON CONFLICT without a usable index',
  alarmTest: {
    statement: `INSERT INTO ${ALARM_TEST_TABLE} DEFAULT VALUES ON CONFLICT (note) DO NOTHING`,
    message: 'there is no unique or exclusion constraint matching the ON CONFLICT specification',
  },
  messages: [
    {
      sqlstate: '42P10',
      begins: 'there is no unique or exclusion constraint matching the ON CONFLICT specification',
      holds: [],
      lacks: [],
      pattern: /^there is no unique or exclusion constraint matching the ON CONFLICT specification$/,
    },
    {
      // ON CONSTRAINT of a name that is missing, or that is an index's. ALTER TABLE says `of relation` in its place.
      sqlstate: '42704',
      begins: 'constraint ',
      holds: [' for table ', ' does not exist'],
      // 42704 is also what is said of these, whose names somebody may have chosen.
      lacks: [' of relation ', 'configuration parameter ', 'collation ', 'index ', 'type ', 'window '],
      pattern: /^constraint "(?<constraint>.+?)" for table "(?<table>.+)" does not exist$/s,
    },
    {
      // Planned without complaint, refused by the first row.
      sqlstate: '55000',
      begins: 'ON CONFLICT does not support deferrable unique constraints/exclusion constraints as arbiters',
      holds: [],
      lacks: [],
      pattern:
        /^ON CONFLICT does not support deferrable unique constraints\/exclusion constraints as arbiters$/,
    },
    {
      sqlstate: '42809',
      begins: 'ON CONFLICT DO UPDATE not supported with exclusion constraints',
      holds: [],
      lacks: [],
      pattern: /^ON CONFLICT DO UPDATE not supported with exclusion constraints$/,
    },
    {
      // ON CONSTRAINT of a CHECK or a foreign key.
      sqlstate: '42809',
      begins: 'constraint in ON CONFLICT clause has no associated index',
      holds: [],
      lacks: [],
      pattern: /^constraint in ON CONFLICT clause has no associated index$/,
    },
  ],
};
