import { describe, test } from 'vitest';
import { outerMajors } from '../support/database';
import { killAtEachCall } from '../support/killing';

describe.each(outerMajors())('PostgreSQL %i', (major) => {
  test.each(['before', 'during'] as const)('SIGKILL %s each call to the database', async (when) => {
    await killAtEachCall(when, major);
  });

  test('SIGKILL after each call, of a tenant in a schema of its own', async () => {
    await killAtEachCall('after', major, 'Ten "A" nt');
  });
});
