/** What is sent for a migration, and in which order: nothing without its limits, its proof and its row in the ledger. */
import { describe, expect, test } from 'vitest';
import type { Migration } from '../../../lambda/contract/manifest';
import {
  PREFLIGHT_FAILED_SQLSTATE,
  VERIFICATION_FAILED_SQLSTATE,
} from '../../../lambda/engine/apply/raise-rows';
import {
  buildApplyScript,
  buildVerifyScript,
  computeRowAfter,
  isSingleTransaction,
  type Segment,
  splitIntoSegments,
} from '../../../lambda/engine/apply/script';
import type { BuiltScript } from '../../../lambda/engine/apply/script-builder';
import { migration } from '../../support/manifest';

const NAMES = { namespace: 'app', deployment: 'd', ownerRole: null };
const locks = [{ relation: 't', mode: 'ACCESS EXCLUSIVE' as const, created: false }];
const ADD = { sql: 'ALTER TABLE t ADD n int', locks };
const UPDATE = 'UPDATE t SET n = 1';
const OUTSIDE = { sql: 'CREATE INDEX CONCURRENTLY i ON t (n)', execution: 'non-transactional' as const };
const VALIDATE = { sql: 'ALTER TABLE t VALIDATE CONSTRAINT c', execution: 'separate' as const, locks };
const BATCH = { sql: 'UPDATE t SET n = 2', execution: 'batch' as const };

const all = (of: Migration): Segment => ({ execution: 'transaction', from: 0, to: of.statements.length });
const OPTIONS = { verify: true, preflight: true, expects: null };

/** Section and index of each statement, and what is sent where a section is short. */
const shown = ({ transaction, origins }: BuiltScript): string[] =>
  transaction.statements.map((sql, i) => {
    const { section, index } = origins[i]!;
    return ['settings', 'hold', 'up'].includes(section)
      ? `${section} ${index}: ${sql}`
      : `${section} ${index}`;
  });

describe('segments', () => {
  const of = migration('0001_a', {
    up: ['SELECT 1', 'SELECT 2', OUTSIDE, VALIDATE, VALIDATE, BATCH, 'SELECT 3'],
  });
  const whole = [
    { execution: 'transaction', from: 0, to: 2 },
    { execution: 'non-transactional', from: 2, to: 3 },
    { execution: 'separate', from: 3, to: 4 },
    { execution: 'separate', from: 4, to: 5 },
    { execution: 'batch', from: 5, to: 6 },
    { execution: 'transaction', from: 6, to: 7 },
  ];
  test('neighbors share a transaction, everything else is alone', () => {
    expect(splitIntoSegments(of, 0)).toEqual(whole);
    expect(splitIntoSegments(of, 1)).toEqual([{ ...whole[0], from: 1 }, ...whole.slice(1)]);
    expect(splitIntoSegments(of, 7)).toEqual([]);
  });

  test('one transaction with its proof may share a message', () => {
    expect(isSingleTransaction(migration('0001_a', { up: [ADD, UPDATE] }))).toBe(true);
    expect(isSingleTransaction({ ...of, verifyWhen: 'before-commit' })).toBe(false);
    expect(isSingleTransaction({ ...migration('0001_a', { up: [ADD] }), verifyWhen: 'after-commit' })).toBe(
      false,
    );
  });
});

test('how the row is after so many statements', () => {
  const verified = migration('0001_a', { up: [ADD, UPDATE], verify: 'SELECT 1' });
  const plain = migration('0001_a', { up: [ADD, UPDATE] });
  expect(computeRowAfter(verified, 1, false)).toEqual({
    state: 'partial',
    statement: 1,
    running: null,
    verified: false,
  });
  expect(computeRowAfter(verified, 1, true)).toMatchObject({ state: 'partial', verified: false });
  expect(computeRowAfter(verified, 2, false)).toMatchObject({
    state: 'unverified',
    statement: 2,
    verified: false,
  });
  expect(computeRowAfter(verified, 2, true)).toMatchObject({ state: 'applied', verified: true });
  expect(computeRowAfter(plain, 2, false)).toMatchObject({ state: 'applied', verified: false });
});

describe('a migration in one transaction', () => {
  const of = migration('0001_a', {
    preflight: "SELECT 'no'",
    up: [ADD, UPDATE],
    verify: "SELECT 'lost'",
    settings: { statementTimeoutMs: 3_000 },
  });

  test('the locks are taken after preflight, and their time runs until the row is written', () => {
    const script = buildApplyScript(of, all(of), NAMES, OPTIONS);
    expect(shown(script)).toEqual([
      'preflight 0',
      'settings 0: SET LOCAL statement_timeout = 800',
      'locks 0',
      'hold 0: SELECT trueup._hold(3000)',
      'up 0: ALTER TABLE t ADD n int',
      'hold 0: SELECT trueup._hold(3000)',
      'up 1: UPDATE t SET n = 1',
      'hold 1: SELECT trueup._hold(3000)',
      'hold 1: SET CONSTRAINTS ALL IMMEDIATE',
      'hold 1: SELECT trueup._hold(3000)',
      'verify 0',
      'ledger 0',
    ]);
    // Preflight looks for as long as it must.
    expect(script.transaction.settings).toEqual({ lock_timeout: '500' });
    expect(script.locking).toMatchObject({ at: 2, plan: { holdMs: 3_000 } });
    expect(new Set(script.origins.map((origin) => origin.migration))).toEqual(new Set(['0001_a']));
    expect(script.leaves).toMatchObject({ state: 'applied', statement: 2, deployment: 'd' });
  });

  test('the queries raise under codes of their own', () => {
    const sent = buildApplyScript(of, all(of), NAMES, OPTIONS).transaction.statements;
    const [preflight, verify] = [sent[0]!, sent.at(-2)!];
    expect(preflight).toContain(`ERRCODE = '${PREFLIGHT_FAILED_SQLSTATE}'`);
    expect(preflight).toContain("SELECT 'no'");
    expect(verify).toContain(`ERRCODE = '${VERIFICATION_FAILED_SQLSTATE}'`);
    expect(verify).toContain("SELECT 'lost'");
    expect(verify).not.toContain("SELECT 'no'");
  });

  test('without preflight the limits hold from the start', () => {
    const script = buildApplyScript(of, all(of), NAMES, { ...OPTIONS, preflight: false });
    expect(shown(script)[0]).toBe('locks 0');
    expect(script.transaction.settings).toEqual({ lock_timeout: '500', statement_timeout: '800' });
  });

  test('its owner does the work, the login writes the ledger', () => {
    const script = buildApplyScript(of, all(of), { ...NAMES, ownerRole: 'the owner' }, OPTIONS);
    expect(shown(script)[0]).toBe('settings 0: SET LOCAL ROLE "the owner"');
    expect(script.transaction.statements.slice(-2)).toEqual([
      'RESET ROLE',
      expect.stringMatching(/^SELECT trueup\._record\(/),
    ]);
    expect(shown(script).slice(-2)).toEqual(['ledger 0', 'ledger 0']);
  });

  test('what another transaction of the message waits for is not waited for twice', () => {
    const { settings } = buildApplyScript(of, all(of), NAMES, { ...OPTIONS, flushedLater: true }).transaction;
    expect(settings).toMatchObject({ synchronous_commit: 'off' });
  });

  test('a baseline runs nothing, proves, and records', () => {
    const nothing = { ...all(of), from: of.statements.length };
    const script = buildApplyScript(of, nothing, NAMES, { ...OPTIONS, preflight: false, baselined: true });
    expect(shown(script)).toEqual(['verify 0', 'ledger 0']);
    expect(script.transaction.statements.at(-1)).toContain('"baselined":true');
  });

  test('the row that is expected goes along', () => {
    const expects = {
      state: 'partial',
      statement: 1,
      running: null,
      up_checksum: 'u',
      deployment: 'e',
    } as const;
    const { statements } = buildApplyScript(of, all(of), NAMES, { ...OPTIONS, expects }).transaction;
    expect(statements.at(-1)).toContain(`"expects":${JSON.stringify(expects)}`);
  });
});

test('without a lock that hinders writers there is nothing to hold', () => {
  const of = migration('0001_a', { up: [UPDATE, 'SELECT 2'], verify: "SELECT 'lost'" });
  const script = buildApplyScript(of, all(of), NAMES, OPTIONS);
  expect(shown(script)).toEqual(['up 0: UPDATE t SET n = 1', 'up 1: SELECT 2', 'verify 0', 'ledger 0']);
  expect(script.locking).toBeNull();
});

test('a preflight without such a lock sets no limit, and what has no verify section is not verified', () => {
  const of = migration('0001_a', { preflight: "SELECT 'no'", up: [UPDATE] });
  const script = buildApplyScript(of, all(of), NAMES, OPTIONS);
  expect(shown(script)).toEqual(['preflight 0', 'up 0: UPDATE t SET n = 1', 'ledger 0']);
  expect(script.transaction.statements.at(-1)).toContain('"baselined":false');
});

test.each(['ALTER', 'COMMENT', 'CREATE', 'DROP', 'GRANT', 'REVOKE'])(
  '%s defers nothing to the commit',
  (command) => {
    const of = migration('0001_a', { up: [ADD, `${command} something`] });
    expect(shown(buildApplyScript(of, all(of), NAMES, OPTIONS))).not.toContain(
      'hold 1: SET CONSTRAINTS ALL IMMEDIATE',
    );
  },
);

test('one that validates is patient, and locks nothing beforehand', () => {
  const of = migration('0001_a', { up: [UPDATE, VALIDATE] });
  const segment = { execution: 'separate', from: 1, to: 2 } as const;
  const script = buildApplyScript(of, segment, NAMES, { ...OPTIONS, verify: false, preflight: false });
  expect(shown(script)).toEqual(['up 1: ALTER TABLE t VALIDATE CONSTRAINT c', 'ledger 0']);
  expect(script.transaction.settings).toEqual({ lock_timeout: '900000' });
});

test('a batch sends its statement, and does not count it as done', () => {
  const of = migration('0001_a', { up: [UPDATE, BATCH] });
  const segment = { execution: 'batch', from: 1, to: 2 } as const;
  const record = { ...segment, to: 1 };
  const script = buildApplyScript(of, segment, NAMES, {
    ...OPTIONS,
    verify: false,
    preflight: false,
    record,
  });
  expect(shown(script)).toEqual(['up 1: UPDATE t SET n = 2', 'ledger 0']);
  expect(script.leaves).toMatchObject({ state: 'partial', statement: 1 });
});

test('verify alone: as the owner, then the ledger as the login', () => {
  const of = migration('0001_a', { up: [ADD], verify: "SELECT 'lost'" });
  expect(shown(buildVerifyScript(of, NAMES, ['UPDATE 1', 'INSERT 2'], 'note'))).toEqual([
    'verify 0',
    'ledger 0',
    'ledger 0',
  ]);
  const owned = buildVerifyScript(of, { ...NAMES, ownerRole: 'o' }, ['UPDATE 1'], 'note');
  expect(shown(owned)).toEqual(['settings 0: SET LOCAL ROLE "o"', 'verify 0', 'ledger 0', 'ledger 0']);
  expect(owned.transaction.statements.slice(-2)).toEqual(['RESET ROLE', 'UPDATE 1']);
  expect(owned.transaction.settings).toEqual({ lock_timeout: '500' });
  expect(owned).toMatchObject({ leaves: null, locking: null });
});
