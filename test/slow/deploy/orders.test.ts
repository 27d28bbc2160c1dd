/** The same as test/deploy/orders.test.ts, for longer. */
import { test } from 'vitest';
import { playOnModel } from '../../support/model-orders';
import { stories } from '../../support/orders';
import { fc } from '../../support/property';
import { quiet } from '../../support/quiet';

const RUNS = 20_000;
quiet();

test(`${RUNS} orders of events`, async () => {
  const property = fc.asyncProperty(stories({ dying: true }), async (story) => {
    await playOnModel(story);
  });
  await fc.assert(property, { numRuns: RUNS });
});
