/** What `trueup alarm-test` works on, and by which a page knows that it is a test. */

/** A temporary table, and a column's alias where there is no table. */
export const ALARM_TEST_TABLE = 'trueup_alarm_test';

/** Makes nothing but a temporary table, which ends with the session. */
export const ALARM_TEST_SETUP = `CREATE TEMPORARY TABLE ${ALARM_TEST_TABLE} (id uuid PRIMARY KEY, note text)`;
