/**
 * What is in a database is brought up to date by its number alone. So whoever changes the text counts the number up, and
 * writes the new hash beside it.
 */
import { expect, test } from 'vitest';
import { sha256 } from '../../../lambda/contract/manifest';
import { LEDGER_SHA256, LEDGER_TABLES, LEDGER_VERSION } from '../../../lambda/engine/ledger/schema';
import {
  VERIFICATION_SHA256,
  VERIFICATION_SQL,
  VERIFICATION_VERSION,
} from '../../../lambda/engine/sql/verification';

test.each([
  ['VERIFICATION', VERIFICATION_VERSION, VERIFICATION_SHA256, VERIFICATION_SQL],
  ['LEDGER', LEDGER_VERSION, LEDGER_SHA256, LEDGER_TABLES.join(';\n')],
])('%s_VERSION %i is that of the text', (name, version, pinned, text) => {
  const doing = `the text has changed: ${name}_VERSION = ${version + 1}; ${name}_SHA256 = '${sha256(text)}'`;
  expect(sha256(text), doing).toBe(pinned);
});
