/** A server without a free connection is asked again, also for the first one. */
import { describe, expect, test } from 'vitest';
import { connect, createDatabase, majors, urlOf } from '../../support/database';
import { cleanEnvironment, command, start } from '../trueup';

describe.each(majors())('PostgreSQL %i', (major) => {
  test.each([
    ['one becomes free: it goes on', true, 0, /2 migrations applied/],
    ['none becomes free: it says so when the time is spent', false, 3, /connection/],
  ])('%s', async (_what, released, code, words) => {
    const url = await createDatabase(major);
    const role = `single_${major}_${released ? 'a' : 'b'}`;
    const admin = await connect(url);
    await admin.query(`DROP ROLE IF EXISTS ${role}`);
    await admin.query(`CREATE ROLE ${role} LOGIN PASSWORD 'x' CONNECTION LIMIT 1`);
    await admin.query(`GRANT ALL ON DATABASE ${new URL(url).pathname.slice(1)} TO ${role}`);
    await admin.query(`GRANT ALL ON SCHEMA public TO ${role}`);
    const single = urlOf(url, { user: role, password: 'x' });
    const held = await connect(single);
    const [file, ...args] = [
      ...command(),
      'up',
      'migrations/marketplace',
      '--timeout',
      released ? '60s' : '4s',
    ];
    const run = start(process.execPath, [file!, ...args], {
      env: cleanEnvironment({ DATABASE_URL: single }),
    });
    while (!/connection|waiting/i.test(run.output.stderr) && run.child.exitCode === null)
      await new Promise((again) => setTimeout(again, 50));
    if (released) await held.end();
    const ran = await run.ended;
    expect(`${ran.stdout}${ran.stderr}`).toMatch(words);
    expect(ran.code).toBe(code);
    await admin.query(`DROP OWNED BY ${role} CASCADE`);
  });
});
