/** Errors that `trueup alarm-test` raises on purpose, one of each signature, and by which a page knows them. */

/** A temporary table, and a column's alias where there is no table. */
export const ALARM_TEST_NAME = 'trueup_alarm_test';

/** Makes nothing but a temporary table, which ends with the session. */
export const ALARM_TEST_SETUP = `CREATE TEMPORARY TABLE ${ALARM_TEST_NAME} (id uuid PRIMARY KEY, note text)`;

/** By signature: a statement that fails, and writes nothing. */
export const ALARM_TEST_STATEMENTS: Readonly<Record<string, string>> = {
  'not-null': `INSERT INTO ${ALARM_TEST_NAME} DEFAULT VALUES`,
  'on-conflict': `INSERT INTO ${ALARM_TEST_NAME} DEFAULT VALUES ON CONFLICT (note) DO NOTHING`,
  // A function of this name may exist, but never in the session's own temporary schema.
  'uuid-function': `SELECT pg_temp.uuid_generate_v4() AS ${ALARM_TEST_NAME}`,
  'key-types': `SELECT id = ''::varchar FROM ${ALARM_TEST_NAME}`,
};

/** What PostgreSQL would log for them, where a log group is tried without its server. */
export const ALARM_TEST_MESSAGES: Readonly<Record<string, string>> = {
  'not-null': `null value in column "id" of relation "${ALARM_TEST_NAME}" violates not-null constraint`,
  'on-conflict': 'there is no unique or exclusion constraint matching the ON CONFLICT specification',
  'uuid-function': 'function pg_temp.uuid_generate_v4() does not exist at character 8',
  'key-types': 'operator does not exist: uuid = character varying at character 11',
};

/** Lines of the form that RDS writes, an event each. */
export function alarmTestLines(now: Date, pid: number): readonly string[] {
  const time = now.toISOString().slice(0, 19).replace('T', ' ');
  const prefix = `${time} UTC:[local]:${ALARM_TEST_NAME}@${ALARM_TEST_NAME}:[${pid}]:`;
  return Object.entries(ALARM_TEST_STATEMENTS).flatMap(([signature, statement]) => [
    `${prefix}ERROR:  ${ALARM_TEST_MESSAGES[signature]}`,
    `${prefix}STATEMENT:  ${statement}`,
  ]);
}
