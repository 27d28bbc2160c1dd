/** What the bench counts does not depend on the machine, so it is asserted too. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { smallMigrations, writeFolders } from '../../bench/workload';
import { compileFolder } from '../../lib/compiler';
import { createDatabase } from '../support/database';
import { up } from '../support/engine';
import { startProxy } from '../support/proxy';

it('applies 200 migrations in at most 50 round trips, and finds nothing to do in at most 2', async () => {
  const root = mkdtempSync(join(tmpdir(), 'trueup-round-trips-'));
  const direct = new URL(await createDatabase());
  const proxy = await startProxy({ target: { host: direct.hostname, port: Number(direct.port) } });
  try {
    const manifest = await compileFolder(writeFolders(root, smallMigrations(200)).dbmate);
    const url = proxy.url(direct.href);
    const first = await up(url, manifest);
    expect(first.report.applied).toHaveLength(200);
    const forAll = proxy.roundTrips();
    expect(forAll).toBeLessThanOrEqual(50);
    expect((await up(url, manifest, { id: 'again' })).report.applied).toEqual([]);
    expect(proxy.roundTrips() - forAll).toBeLessThanOrEqual(2);
  } finally {
    await proxy.close();
    rmSync(root, { recursive: true, force: true });
  }
});
