import type { LogSignature } from '../defect';
import { ALARM_TEST_TABLE } from './alarm-test';

/**
 * Matches 23502 for a row, but neither `column "x" of relation "t" contains null values` (SET NOT NULL) nor `domain d
 * does not allow …`.
 */
export const NOT_NULL: LogSignature = {
  id: 'not-null',
  title: 'Not-null violation',
  alarmTest: {
    statement: `INSERT INTO ${ALARM_TEST_TABLE} DEFAULT VALUES`,
    message: `null value in column "id" of relation "${ALARM_TEST_TABLE}" violates not-null constraint`,
  },
  messages: [
    {
      sqlstate: '23502',
      begins: 'null value in column ',
      holds: ['violates not-null constraint'],
      lacks: [],
      pattern:
        /^null value in column "(?<column>.+?)"(?: of relation "(?<table>.+)")? violates not-null constraint$/s,
    },
  ],
};
