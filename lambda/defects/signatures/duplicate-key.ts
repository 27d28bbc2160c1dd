import type { LogSignature } from '../defect';
import { ALARM_TEST_TABLE } from './alarm-test';

/**
 * 23505 is common in normal operation: two users choose the same name, or a message arrives twice. The schema is the
 * cause only if the key's sequence is behind the data. The error message does not show this, but the catalog does.
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
