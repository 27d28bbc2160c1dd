import { expect, test } from 'vitest';
import { createColors } from '../../../lib/cli/terminal/colors';

test('what the caller has decided, whatever standard output is', () => {
  const { bold, dim, red } = createColors(true);
  expect(dim('a')).toBe('\u001b[2ma\u001b[22m');
  expect(bold(red('a'))).toBe('\u001b[1m\u001b[31ma\u001b[39m\u001b[22m');
  expect(createColors(false).red('a')).toBe('a');
});
