import { expect, test } from 'vitest';
import { createColors } from '../../../lib/cli/terminal/colors';
import { createProgressView } from '../../../lib/cli/terminal/progress';
import type { Stream } from '../../../lib/cli/terminal/terminal';

test('what shared a message with others has no time of its own, and none is printed', () => {
  let text = '';
  const write = (more: string): void => {
    text += more;
  };
  const err: Stream = {
    colors: createColors(false),
    live: false,
    columns: 120,
    write,
    line: (line = '') => write(`${line}\n`),
  };
  const { report } = createProgressView({ json: false, quiet: false, out: err, err });
  report({ type: 'finished', migration: '0001_a', action: 'apply', durationMs: null });
  report({ type: 'finished', migration: '0002_b', action: 'undo', durationMs: 12 });
  expect(text).toBe('applied  0001_a\nundone   0002_b  12 ms\n');
});
