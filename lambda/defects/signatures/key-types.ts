import type { LogSignature } from '../defect';
import { ALARM_TEST_TABLE } from './alarm-test';

/** Pattern of a type name as format_type() writes it, without its length. */
const TYPE_PATTERN =
  '(?:character varying|bit varying|double precision|time(?:stamp)? with(?:out)? time zone|' +
  '"?[A-Za-z_][\\w$]*"?(?:\\."?[A-Za-z_][\\w$]*"?)?)(?:\\[\\])?';

export const KEY_TYPES: LogSignature = {
  id: 'key-types',
  title: 'Keys of different types',
  alarmTest: {
    statement: `SELECT id = ''::varchar FROM ${ALARM_TEST_TABLE}`,
    message: 'operator does not exist: uuid = character varying at character 11',
  },
  messages: [
    {
      sqlstate: '42883',
      begins: 'operator does not exist: uuid = ',
      holds: [],
      lacks: [],
      pattern: new RegExp(`^operator does not exist: (?<left>uuid) = (?<right>${TYPE_PATTERN})$`),
    },
    {
      sqlstate: '42883',
      begins: 'operator does not exist: ',
      holds: [' = uuid'],
      lacks: ['not exist: uuid = '],
      pattern: new RegExp(`^operator does not exist: (?<left>${TYPE_PATTERN}) = (?<right>uuid)$`),
    },
    {
      sqlstate: '42804',
      begins: 'foreign key constraint ',
      holds: [' cannot be implemented'],
      lacks: [],
      pattern: /^foreign key constraint "(?<constraint>.+)" cannot be implemented$/s,
    },
    {
      sqlstate: '42804',
      begins: 'column ',
      holds: [' is of type uuid but expression is of type '],
      lacks: [' of relation ', ' does not exist', ' specified more than once', ' is ambiguous'],
      pattern: new RegExp(
        `^column "(?<column>.+)" is of type (?<left>uuid) but expression is of type (?<right>${TYPE_PATTERN})$`,
        's',
      ),
    },
  ],
};
