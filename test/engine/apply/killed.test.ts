import { test } from 'vitest';
import { newestMajor } from '../../support/database';
import { killAtEachCall } from '../../support/killing';

// Before and during each call, and every major: test/slow.
test('SIGKILL after each call to the database: the next run goes on', async () => {
  await killAtEachCall('after', newestMajor());
});
