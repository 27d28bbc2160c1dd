/** Compiling and planning 1,000 and 10,000 migrations: ten times the work should take about ten times as long. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Manifest } from '../lambda/contract/manifest';
import type { Ledger } from '../lambda/engine/ledger/ledger';
import { planForward } from '../lambda/engine/plan/plan';
import { compileFolder } from '../lib/compiler';
import { smallMigrations, writeFolders } from './workload';

export interface Growth {
  readonly small: number;
  readonly large: number;
  readonly compileMs: readonly [small: number, large: number];
  readonly planMs: readonly [small: number, large: number];
}

export async function measureGrowth(small = 1_000, large = 10_000): Promise<Growth> {
  const root = mkdtempSync(join(tmpdir(), 'trueup-bench-'));
  try {
    // Once before, so that neither pays for loading and warming up.
    await measure(root, small);
    const [a, b] = [await measure(root, small), await measure(root, large)];
    return { small, large, compileMs: [a.compileMs, b.compileMs], planMs: [a.planMs, b.planMs] };
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/** The shortest of several: what else the machine does only adds to it. */
async function measure(root: string, count: number) {
  const { dbmate } = writeFolders(join(root, String(count)), smallMigrations(count));
  let text = '';
  const compileMs = await shortest(3, async () => {
    text = JSON.stringify(await compileFolder(dbmate));
  });
  // As the functions read it: from the asset.
  const manifest = JSON.parse(text) as Manifest;
  const ledgers = [buildLedger(manifest, false), buildLedger(manifest, true)];
  return { compileMs, planMs: await shortest(15, async () => planAll(manifest, ledgers)) };
}

/** Against an empty ledger, and against one in which all is applied. */
function planAll(manifest: Manifest, ledgers: readonly Ledger[]): void {
  const request = {
    id: 'bench',
    namespace: 'bench',
    owner: null,
    direction: 'forward',
    manifestHash: manifest.hash,
  } as const;
  for (const ledger of ledgers) {
    const { steps, errors } = planForward(manifest, ledger, request);
    const expected = manifest.migrations.length - ledger.migrations.length;
    if (errors.length > 0 || steps.length !== expected) throw new Error('the plan is not what it should be');
  }
}

const buildLedger = (manifest: Manifest, applied: boolean): Ledger => ({
  server: {
    version: '17.0',
    versionNumber: 170000,
    inRecovery: false,
    role: 'postgres',
    canActAsOwner: true,
  },
  version: 1,
  readableBy: 1,
  verification: 1,
  schemaOwner: 'me',
  mayInstall: true,
  owner: null,
  deployment: null,
  newest: null,
  migrations: !applied
    ? []
    : manifest.migrations.map((migration) => ({
        name: migration.name,
        kind: migration.kind,
        state: 'applied',
        upChecksum: migration.checksums.up,
        statement: migration.statements.length,
        statementChecksums: migration.statements.map(({ checksum }) => checksum),
        running: null,
        target: null,
        attempts: 0,
        verified: false,
        baselined: false,
        deployment: 'earlier',
        appliedAt: '2024-01-01T00:00:00Z',
        durationMs: 1,
      })),
});

async function shortest(runs: number, work: () => Promise<void>): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < runs; i++) {
    const began = performance.now();
    await work();
    least = Math.min(least, performance.now() - began);
  }
  return least;
}
