/** What other migration tools have applied of this folder: asked when something new is about to be applied. */

import type { ConvergeRequest } from '../contract/converge';
import type { Manifest } from '../contract/manifest';
import type { Database } from '../postgres/database';
import type { Ledger } from './ledger/ledger';
import { readOtherLedgers } from './ledger/other-tools';
import { type Elsewhere, heldElsewhere, unreadable } from './plan/other-tools';
import type { Step } from './plan/plan';
import { schemasOf } from './schemas';

export interface Asked {
  readonly elsewhere: readonly Elsewhere[];
  readonly warnings: readonly string[];
}

/** What the ledger does not know at all: a half-done migration and a changed repeatable are ours. */
export const unknownTo = (ledger: Ledger, steps: readonly Step[], types: readonly Step['type'][]) => {
  const known = new Set(ledger.migrations.map(({ name }) => name));
  return steps
    .filter(({ type, migration }) => types.includes(type) && migration.kind === 'versioned')
    .map(({ migration }) => migration)
    .filter(({ name }) => !known.has(name));
};

export async function askElsewhere(
  db: Database,
  manifest: Manifest,
  ledger: Ledger,
  request: ConvergeRequest,
  steps: readonly Step[],
): Promise<Asked> {
  if (unknownTo(ledger, steps, ['apply', 'baseline']).length === 0) return { elsewhere: [], warnings: [] };
  const ofTenant = schemasOf(ledger, request) !== null;
  const others = await readOtherLedgers(db, request.ownerRole ?? null, { ofTenant });
  return { elsewhere: heldElsewhere(others, manifest.migrations, ledger), warnings: unreadable(others) };
}
