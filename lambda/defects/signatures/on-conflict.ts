import type { LogSignature } from '../defect';
import { ALARM_TEST_TABLE } from './alarm-test';

/**
 * Matches ON CONFLICT without a usable index: no index matches, or the named constraint does not exist or cannot be an
 * arbiter. The other message of 42P10, `for SELECT DISTINCT, ORDER BY expressions must appear in select list`, is not
 * matched.
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
      // ON CONSTRAINT with a missing name or the name of an index. ALTER TABLE says `of relation` instead of `for
      // table`.
      sqlstate: '42704',
      begins: 'constraint ',
      holds: [' for table ', ' does not exist'],
      // These objects also cause 42704, and users can choose their names.
      lacks: [' of relation ', 'configuration parameter ', 'collation ', 'index ', 'type ', 'window '],
      pattern: /^constraint "(?<constraint>.+?)" for table "(?<table>.+)" does not exist$/s,
    },
    {
      // The statement is planned without an error and fails when it is executed.
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
      // ON CONSTRAINT with a CHECK or a foreign key.
      sqlstate: '42809',
      begins: 'constraint in ON CONFLICT clause has no associated index',
      holds: [],
      lacks: [],
      pattern: /^constraint in ON CONFLICT clause has no associated index$/,
    },
  ],
};
