import { expect, test } from 'vitest';
import { computeHeadroom } from '../../lambda/fleet/connection-headroom';

test.each([
  ['as many as were asked for', 8, 100, 8],
  ['a tenth of those that are free', 8, 79, 7],
  ['one at least', 8, 3, 1],
])('%s', (_, asked, free, connections) => {
  expect(computeHeadroom(asked, free)).toEqual({ free, connections });
});
