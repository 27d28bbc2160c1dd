/**
 * SQL functions that say what is wrong with a schema: no rows means good, a row is a sentence for a person. Named after
 * pgTAP's where it has one; they compare definitions, never names. docs/verification.md describes each. The engine's own
 * functions are installed with them.
 */
import { PLANNING } from '../../workload/sql';
import { COLUMNS } from './columns';
import { CONSTRAINTS } from './constraints';
import { ENGINE } from './engine';
import { FUNCTIONS } from './functions';
import { GUARD } from './guard';
import { INDEXES } from './indexes';
import { KEPT } from './kept';
import { LIVE } from './live';
import { PROMISE } from './promise';
import { SUPPORT } from './support';

/**
 * Counts up with every change of the text below, and the hash of the text with it: a test compares. The ledger holds the
 * installed number; an older text never replaces a newer one, and the same number is never installed again.
 */
export const VERIFICATION_VERSION = 21;
export const VERIFICATION_SHA256 = '412029f3f3c15e29e36d317a4bec2d1ee0b0bb73362629727974cc6e325075eb';

/** One statement each, for transports that send no more than one. May be run again at any time. */
export const VERIFICATION_STATEMENTS: readonly string[] = [
  ...SUPPORT,
  ...COLUMNS,
  ...INDEXES,
  ...CONSTRAINTS,
  ...FUNCTIONS,
  ...ENGINE,
  ...PLANNING,
  ...PROMISE,
  ...GUARD,
  ...LIVE,
  ...KEPT,
  // Where default privileges withhold it. All of them run with the caller's own rights.
  'GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA trueup TO PUBLIC',
];

export const VERIFICATION_SQL = `${VERIFICATION_STATEMENTS.join(';\n\n')};\n`;
