/** What planning costs grows as the folder does. */
import { expect, test } from 'vitest';
import type { Manifest } from '../../../lambda/contract/manifest';
import type { LedgerMigration } from '../../../lambda/engine/ledger/ledger';
import { planForward } from '../../../lambda/engine/plan/plan';
import { ledgerOf, rowOf } from '../../support/ledger-row';
import { manifestOf, migration, request } from '../../support/manifest';

test('planning 10,000 costs about ten times as much as 1,000, applied or not', () => {
  const many = (n: number) =>
    manifestOf(...Array.from({ length: n }, (_, i) => migration(`${String(i + 1).padStart(5, '0')}_m`)));
  /** Processor time, which a busy machine does not change much; of several, since one is over in a millisecond. */
  const cost = (manifest: Manifest, rows: readonly LedgerMigration[], times: number) => {
    const begun = process.cpuUsage();
    for (let i = 0; i < times; i++) {
      const { steps, errors } = planForward(manifest, ledgerOf(rows), request(manifest));
      expect([steps.length, errors]).toEqual([manifest.migrations.length - rows.length, []]);
    }
    const { user, system } = process.cpuUsage(begun);
    return (user + system) / times;
  };
  const [small, large] = [many(1_000), many(10_000)];
  for (const applied of [false, true]) {
    const rows = (manifest: Manifest) => (applied ? manifest.migrations.map((m) => rowOf(m)) : []);
    cost(small, rows(small), 100); // the machine code is warm from here on
    expect(cost(large, rows(large), 20) / cost(small, rows(small), 200)).toBeLessThan(25);
  }
});
