import type { Migration } from '../../lambda/contract/manifest';
import type { Ledger, LedgerMigration } from '../../lambda/engine/ledger/ledger';

/** The ledger's row of a migration that is applied and verified. */
export const rowOf = (of: Migration, change: Partial<LedgerMigration> = {}): LedgerMigration => ({
  name: of.name,
  kind: of.kind,
  state: 'applied',
  upChecksum: of.checksums.up,
  statement: of.statements.length,
  statementChecksums: of.statements.map((s) => s.checksum),
  running: null,
  target: null,
  attempts: 0,
  verified: true,
  baselined: false,
  deployment: 'first',
  appliedAt: '2026-01-01T00:00:00Z',
  durationMs: 1,
  ...change,
});

export const SERVER: Ledger['server'] = {
  version: '18.4',
  versionNumber: 180004,
  inRecovery: false,
  role: 'me',
  canActAsOwner: true,
};

/** As the engine has read it. */
export const ledgerOf = (rows: readonly LedgerMigration[] = [], change: Partial<Ledger> = {}): Ledger => ({
  server: SERVER,
  version: 1,
  readableBy: 1,
  verification: 1,
  schemaOwner: 'me',
  mayInstall: true,
  owner: null,
  migrations: rows,
  deployment: null,
  newest: null,
  ...change,
});
