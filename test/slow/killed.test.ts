import { describe, test } from 'vitest';
import { majors } from '../support/database';
import { killAtEachCall } from '../support/killing';

describe.each(majors())('PostgreSQL %i', (major) => {
  test.each(['before', 'during'] as const)('SIGKILL %s each call to the database', async (when) => {
    await killAtEachCall(when, major);
  });
});
