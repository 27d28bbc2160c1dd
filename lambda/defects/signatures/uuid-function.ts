import type { LoggedMessage, LogSignature } from '../defect';
import { ALARM_TEST_TABLE } from './alarm-test';

/** Called without a schema, and with one: a name that only ends like it, `my_gen_random_uuid`, is neither. */
const noFunction = (name: string, pattern: RegExp, lacks: readonly string[] = []): readonly LoggedMessage[] =>
  [`function ${name}`, 'function '].map((begins, i) => ({
    sqlstate: '42883',
    begins,
    holds: [...(i === 0 ? [] : [`.${name}`]), ' does not exist'],
    lacks,
    pattern,
  }));

export const UUID_FUNCTION: LogSignature = {
  id: 'uuid-function',
  title: 'Missing UUID function',
  alarmTest: {
    // A function of this name may exist, but never in the session's own temporary schema.
    statement: `SELECT pg_temp.uuid_generate_v4() AS ${ALARM_TEST_TABLE}`,
    message: 'function pg_temp.uuid_generate_v4() does not exist at character 8',
  },
  messages: [
    ...noFunction(
      'gen_random_uuid()',
      /^function (?:\S+\.)?(?<function>gen_random_uuid)\(\) does not exist$/,
    ),
    ...noFunction(
      'uuid_generate_v',
      /^function (?:\S+\.)?(?<function>uuid_generate_v(?:1mc|\d))\([\w ,]*\) does not exist$/,
      // Whose own function is called uuid_generate_view.
      [...'aeiou'].map((letter) => `uuid_generate_v${letter}`),
    ),
    // Built in from PostgreSQL 18 on.
    ...noFunction('uuidv', /^function (?:\S+\.)?(?<function>uuidv[47])\([\w ,]*\) does not exist$/, [
      'uuidv4_',
      'uuidv7_',
    ]),
  ],
};
