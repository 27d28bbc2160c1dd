import type { LoggedMessage, LogSignature } from '../defect';
import { ALARM_TEST_TABLE } from './alarm-test';

/**
 * Returns patterns for calls without and with a schema. A name that only ends alike, `my_gen_random_uuid`, matches
 * neither.
 */
const buildMissingFunctionMessages = (
  name: string,
  pattern: RegExp,
  lacks: readonly string[] = [],
): readonly LoggedMessage[] =>
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
    // Another schema may have a function of this name, but the session's own temporary schema never does.
    statement: `SELECT pg_temp.uuid_generate_v4() AS ${ALARM_TEST_TABLE}`,
    message: 'function pg_temp.uuid_generate_v4() does not exist at character 8',
  },
  messages: [
    ...buildMissingFunctionMessages(
      'gen_random_uuid()',
      /^function (?:\S+\.)?(?<function>gen_random_uuid)\(\) does not exist$/,
    ),
    ...buildMissingFunctionMessages(
      'uuid_generate_v',
      /^function (?:\S+\.)?(?<function>uuid_generate_v(?:1mc|\d))\([\w ,]*\) does not exist$/,
      // Excludes names such as uuid_generate_view, which may be a user's own function.
      [...'aeiou'].map((letter) => `uuid_generate_v${letter}`),
    ),
    // Built in since PostgreSQL 18.
    ...buildMissingFunctionMessages(
      'uuidv',
      /^function (?:\S+\.)?(?<function>uuidv[47])\([\w ,]*\) does not exist$/,
      ['uuidv4_', 'uuidv7_'],
    ),
  ],
};
