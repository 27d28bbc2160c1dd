/** Reads which files of this folder other migration tools have applied, before something new is applied. */

import type { ConvergeRequest } from '../contract/converge';
import type { Manifest } from '../contract/manifest';
import type { Database } from '../postgres/database';
import type { Ledger } from './ledger/ledger';
import { readLedgersOfOtherTools } from './ledger/other-tools';
import {
  type FilesAppliedElsewhere,
  findFilesAppliedElsewhere,
  listUnreadableLedgers,
} from './plan/other-tools';
import type { PlanStep } from './plan/plan';
import { resolveSchemas } from './search-path';

export interface ForeignLedgerResult {
  readonly elsewhere: readonly FilesAppliedElsewhere[];
  readonly warnings: readonly string[];
}

/**
 * Returns the versioned migrations that the ledger does not contain at all. Partially applied migrations and changed
 * repeatables are known to be Trueup's own.
 */
export const listUnknownMigrations = (
  ledger: Ledger,
  steps: readonly PlanStep[],
  types: readonly PlanStep['type'][],
) => {
  const known = new Set(ledger.migrations.map(({ name }) => name));
  return steps
    .filter(({ type, migration }) => types.includes(type) && migration.kind === 'versioned')
    .map(({ migration }) => migration)
    .filter(({ name }) => !known.has(name));
};

export async function readForeignLedgers(
  db: Database,
  manifest: Manifest,
  ledger: Ledger,
  request: ConvergeRequest,
  steps: readonly PlanStep[],
): Promise<ForeignLedgerResult> {
  if (listUnknownMigrations(ledger, steps, ['apply', 'baseline']).length === 0)
    return { elsewhere: [], warnings: [] };
  const ofTenant = resolveSchemas(ledger, request) !== null;
  const others = await readLedgersOfOtherTools(db, request.ownerRole ?? null, { ofTenant });
  return {
    elsewhere: findFilesAppliedElsewhere(others, manifest.migrations, ledger),
    warnings: listUnreadableLedgers(others),
  };
}
