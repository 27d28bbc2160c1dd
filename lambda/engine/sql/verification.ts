/**
 * SQL functions that report what is wrong with a schema. No rows means that all is well; each row is a sentence for
 * people. They have pgTAP's names where it has a counterpart, and find objects by definition; names of constraints
 * and indexes do not matter. docs/verification.md describes each function. The engine's own functions are installed
 * with them.
 */
import { PLANNING_FUNCTIONS_SQL } from '../../workload/sql';
import { COLUMN_FUNCTIONS_SQL } from './column-functions';
import { CONSTRAINT_FUNCTIONS_SQL } from './constraint-functions';
import { ENGINE_FUNCTIONS_SQL } from './engine';
import { GUARD_FUNCTIONS_SQL } from './guard';
import { INDEX_FUNCTIONS_SQL } from './index-functions';
import { LIVE_FUNCTIONS_SQL } from './live-statements';
import { ROUTINE_FUNCTIONS_SQL } from './routine-functions';
import { SUPPORT_FUNCTIONS_SQL } from './support';
import { TOUCHED_FUNCTIONS_SQL } from './touched-functions';
import { WORKLOAD_FUNCTIONS_SQL } from './workload-functions';
import { WORKLOAD_STATE_FUNCTIONS_SQL } from './workload-state';

/**
 * Must be increased with every change to the text below. The hash of the text changes with it; a test compares both. The
 * ledger holds the installed number: an older text never replaces a newer one, and the same number is never installed
 * twice.
 */
export const VERIFICATION_VERSION = 1;
export const VERIFICATION_SHA256 = 'fe0f8c553a50ea83b32ca6abca528abcecc7d5c3937bc37b8b990e8e6cf7ee29';

/** One statement per element, for transports that send only one at a time. They can be run again at any time. */
export const VERIFICATION_STATEMENTS: readonly string[] = [
  ...SUPPORT_FUNCTIONS_SQL,
  ...COLUMN_FUNCTIONS_SQL,
  ...INDEX_FUNCTIONS_SQL,
  ...CONSTRAINT_FUNCTIONS_SQL,
  ...ROUTINE_FUNCTIONS_SQL,
  ...ENGINE_FUNCTIONS_SQL,
  ...PLANNING_FUNCTIONS_SQL,
  ...WORKLOAD_FUNCTIONS_SQL,
  ...TOUCHED_FUNCTIONS_SQL,
  ...GUARD_FUNCTIONS_SQL,
  ...LIVE_FUNCTIONS_SQL,
  ...WORKLOAD_STATE_FUNCTIONS_SQL,
  // Needed where default privileges withhold EXECUTE. All of the functions run with the caller's privileges.
  'GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA trueup TO PUBLIC',
];

export const VERIFICATION_SQL = `${VERIFICATION_STATEMENTS.join(';\n\n')};\n`;
