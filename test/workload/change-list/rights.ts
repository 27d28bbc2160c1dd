/** Privileges and row security. */
import { type Change, change, INSERT, PLUS, READ, ROLE, ROW, T, VIEW } from './change';

export const RIGHTS: readonly Change[] = [
  change(
    'grants lost by a view in place of the table',
    [ROW, VIEW],
    READ,
    'refuses by privilege: lost-privilege',
    '42501',
  ),
  change(
    'grants lost when the table was made again',
    [T, `DROP TABLE t; ${T}`],
    INSERT,
    'refuses by privilege: lost-privilege',
    '42501',
  ),
  change(
    'a privilege revoked',
    [T, `REVOKE INSERT ON t FROM ${ROLE}`],
    INSERT,
    'refuses by privilege: lost-privilege',
    '42501',
  ),
  change(
    'a privilege revoked that the statement does not need',
    [T, `REVOKE SELECT, UPDATE, DELETE ON t FROM ${ROLE}`],
    INSERT,
    'nothing',
    'ok',
  ),
  change(
    'EXECUTE of a function revoked',
    [PLUS, 'REVOKE EXECUTE ON FUNCTION plus FROM PUBLIC'],
    ['SELECT plus($1)', [1]],
    'refuses by privilege: lost-privilege',
    '42501',
  ),
  change(
    'row security switched on without a policy, read',
    [ROW, 'ALTER TABLE t ENABLE ROW LEVEL SECURITY'],
    READ,
    'refuses by row-security: no-policy',
    'ok',
  ),
  change(
    'row security switched on without a policy, written',
    [T, 'ALTER TABLE t ENABLE ROW LEVEL SECURITY'],
    INSERT,
    'refuses by row-security: no-policy',
    '42501',
  ),
  change(
    'row security switched on with a policy',
    [ROW, `ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON t TO ${ROLE} USING (id = 1)`],
    READ,
    'warns by row-security: policies',
    'rows',
  ),
];
