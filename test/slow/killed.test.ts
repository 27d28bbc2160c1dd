import { describe, test } from 'vitest';
import { majors } from '../support/database';
import { killAtEachCall } from '../support/killing';
// What is cut or left half done in the middle of a long statement, on every major too.
import '../engine/apply/crashed-build.test';
import '../engine/apply/cut.test';
import '../engine/apply/killed-long.test';
import '../engine/apply/leftovers.test';

describe.each(majors())('PostgreSQL %i', (major) => {
  test.each(['before', 'during'] as const)('SIGKILL %s each call to the database', async (when) => {
    await killAtEachCall(when, major);
  });

  test('SIGKILL after each call, of a tenant in a schema of its own', async () => {
    await killAtEachCall('after', major, 'Ten "A" nt');
  });
});
