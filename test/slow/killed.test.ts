import { describe, test } from 'vitest';
import { majors, newestMajor } from '../support/database';
import { killAtEachCall } from '../support/killing';

describe.each(majors())('PostgreSQL %i', (major) => {
  test.each(['before', 'during'] as const)('SIGKILL %s each call to the database', async (when) => {
    await killAtEachCall(when, major);
  });
});

describe.each([Math.min(...majors()), newestMajor()])('PostgreSQL %i', (major) => {
  test('SIGKILL after each call, of a tenant in a schema of its own', async () => {
    await killAtEachCall('after', major, 'Ten "A" nt');
  });
});
