/** What is locked before a transaction's first change, decided. */
import { describe, expect, test } from 'vitest';
import type { LockMode } from '../../../lambda/contract/locks';
import { type LockingStatement, planLocks } from '../../../lambda/engine/locks/locks';

const statement = (...locks: [relation: string, mode: LockMode, created?: boolean][]): LockingStatement => ({
  locks: locks.map(([relation, mode, created = false]) => ({ relation, mode, created })),
});
const taking = (pairs: Record<string, LockMode>, alone = false): string => {
  const list = (values: string[]) => `ARRAY[${values.map((v) => `'${v}'`).join(',')}]::pg_catalog.text[]`;
  return `SELECT trueup._take_locks(${list(Object.keys(pairs))}, ${list(Object.values(pairs))}, ${alone})`;
};

describe('the plan', () => {
  const none = { lockTimeoutMs: 500, startMs: null, take: null, holdMs: 5000 };
  const alone = { ...none, startMs: 800, take: taking({ t: 'ACCESS EXCLUSIVE' }, true) };
  test.each<[string, LockingStatement[], object]>([
    ['nothing', [], none],
    ['a lock that hinders no writer', [statement(['t', 'SHARE UPDATE EXCLUSIVE'])], none],
    ['a table of its own', [statement(['t', 'ACCESS EXCLUSIVE', true])], none],
    [
      'one lock of one statement: it takes it itself, unless there are partitions',
      [statement(['t', 'ACCESS EXCLUSIVE'])],
      alone,
    ],
    [
      'one table, the strongest lock first: the first statement takes it',
      [statement(['t', 'ACCESS EXCLUSIVE']), statement(['t', 'SHARE ROW EXCLUSIVE'])],
      alone,
    ],
    [
      'one table, the strongest lock later: no lock is made stronger half way',
      [statement(['t', 'SHARE ROW EXCLUSIVE']), statement(['t', 'ACCESS EXCLUSIVE'])],
      { ...none, startMs: 800, take: taking({ t: 'ACCESS EXCLUSIVE' }) },
    ],
    [
      'one table, not of the first statement: its work comes before no lock',
      [statement(), statement(['t', 'ACCESS EXCLUSIVE'])],
      { ...none, startMs: 800, take: taking({ t: 'ACCESS EXCLUSIVE' }) },
    ],
    [
      'two tables: in one order',
      [statement(['t', 'SHARE ROW EXCLUSIVE'], ['a', 'SHARE ROW EXCLUSIVE'])],
      { ...none, startMs: 800, take: taking({ a: 'SHARE ROW EXCLUSIVE', t: 'SHARE ROW EXCLUSIVE' }) },
    ],
  ])('%s', (_, statements, expected) => {
    expect(planLocks(statements)).toEqual(expected);
    const turned = statements.map(({ locks }) => ({ locks: [...locks].reverse() }));
    expect(planLocks(turned)).toEqual(expected);
  });

  test("the file's own limits", () => {
    const own = { lockTimeoutMs: 2_000, statementTimeoutMs: 60_000 };
    const one = statement(['t', 'ACCESS EXCLUSIVE']);
    expect(planLocks([], own)).toMatchObject({ lockTimeoutMs: 2_000, startMs: 60_000, take: null });
    expect(planLocks([one], own)).toMatchObject({ lockTimeoutMs: 2_000, startMs: 2_300, holdMs: 60_000 });
    expect(planLocks([statement(), one], own)).toMatchObject({ startMs: 2_300, holdMs: 60_000 });
  });
});
