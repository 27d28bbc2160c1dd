/** Thousands of generated orders of events against the planner, with a model in the database's place. */
import { expect, test } from 'vitest';
import { playOnModel } from '../support/model-orders';
import { stories } from '../support/orders';
import { fc } from '../support/property';
import { quiet } from '../support/quiet';

/** test/slow/deploy/orders.test.ts has 20,000. */
const RUNS = 1_000;
quiet();

test(`${RUNS} orders of events`, async () => {
  let [deeds, undone] = [0, 0];
  await fc.assert(
    fc.asyncProperty(stories({ dying: true }), async (story) => {
      const model = await playOnModel(story);
      deeds += model.deeds.length;
      undone += model.deeds.filter(({ action }) => action === 'undo').length;
    }),
    { numRuns: RUNS },
  );
  // The generator must reach what it is for.
  expect(deeds).toBeGreaterThan(RUNS / 2);
  expect(undone).toBeGreaterThan(RUNS / 100);
});
