import { describe, expect, it } from 'vitest';
import { DIMENSIONS, tryCombinations } from '../support/combinations';

describe('no dependency cycle in any combination', () => {
  it.each(DIMENSIONS.kind)('%s', (kind) => {
    expect(tryCombinations(kind, 1)).toBeGreaterThan(15);
  });
});
