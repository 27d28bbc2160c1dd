import type { LogSignature } from '../defect';
import { ALARM_TEST_TABLE } from './alarm-test';

/**
 * 23505 is everyday: two people take one name, a message arrives twice. It is a defect of the schema only where the key's
 * own sequence is behind the data, which the words do not tell and the catalogue does.
 */
export const DUPLICATE_KEY: LogSignature = {
  id: 'duplicate-key',
  title: 'Duplicate key',
  pagedWhen: 'diagnosed',
  alarmTest: {
    statement: `INSERT INTO ${ALARM_TEST_TABLE} SELECT gen.id FROM (SELECT md5('')::uuid AS id) AS gen, generate_series(1, 2)`,
    message: `duplicate key value violates unique constraint "${ALARM_TEST_TABLE}_pkey"`,
  },
  messages: [
    {
      sqlstate: '23505',
      begins: 'duplicate key value violates unique constraint ',
      holds: [],
      lacks: [],
      pattern: /^duplicate key value violates unique constraint "(?<constraint>.+)"$/s,
    },
  ],
};
