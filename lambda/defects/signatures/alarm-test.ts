/** Objects of `trueup alarm-test`, by which a page recognizes the test. */

/** Name of a temporary table, or of a column alias in a statement without a table. */
export const ALARM_TEST_TABLE = 'trueup_alarm_test';

/** Creates only a temporary table, which is dropped at the end of the session. */
export const ALARM_TEST_SETUP = `CREATE TEMPORARY TABLE ${ALARM_TEST_TABLE} (id uuid PRIMARY KEY, note text)`;
