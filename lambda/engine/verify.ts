/** Proves again what is applied: the scheduled drift check, and `trueup verify`. Changes nothing. */

import type { ErrorInfo } from '../contract/errors';
import type { Migration } from '../contract/manifest';
import type { Verification, VerifyFinding } from '../contract/status';
import { type Database, SqlError } from '../postgres/database';
import { migrationError, unexpectedError } from './apply/failures';
import { raiseRows, VERIFICATION_FAILED } from './apply/raise-rows';
import { asOwner } from './apply/script-builder';
import { readLedger } from './ledger/read';
import type { EngineContext } from './run';
import { pinSchemas } from './schemas';
import { lostSince } from './still-there';
import { SHORTEST_VERIFY_MS, VERIFY_TIMEOUT_MS } from './time/limits';
import { withDatabase } from './time/session';

/** @throws {TrueupError} when the database cannot be reached or the ledger not be read */
export async function verify(
  ctx: EngineContext,
  namespace: string,
  ownerRole: string | null = null,
): Promise<Verification> {
  return withDatabase(ctx, (db) => verifyOn(db, ctx, namespace, ownerRole));
}

export async function verifyOn(
  db: Database,
  { manifest, deadline, progress }: Pick<EngineContext, 'manifest' | 'deadline' | 'progress'>,
  namespace: string,
  ownerRole: string | null = null,
): Promise<Verification> {
  const ledger = await readLedger(db, namespace, null, ownerRole);
  await pinSchemas(db, ledger.schemas ?? null, ownerRole);
  const applied = new Set(ledger.migrations.filter((row) => row.state === 'applied').map((row) => row.name));
  const superseded = new Set(manifest.migrations.flatMap((m) => m.settings.supersedes));
  const proved: string[] = [];
  const findings: VerifyFinding[] = [];
  const errors: ErrorInfo[] = [];
  const current = manifest.migrations.filter((m) => applied.has(m.name) && !superseded.has(m.name));
  for (const migration of current.filter((m) => m.verify.length > 0)) {
    if (Date.now() >= deadline) {
      errors.push(notReached(migration));
      continue;
    }
    progress?.({ type: 'started', migration: migration.name, action: 'verify' });
    const error = await verifyOne(db, migration, deadline, ownerRole);
    if (error === null) proved.push(migration.name);
    else if (error.code === 'verification' && error.sqlstate === VERIFICATION_FAILED) {
      findings.push(...(error.details ?? []).map((sentence) => ({ migration: migration.name, sentence })));
    } else errors.push(error);
  }
  try {
    if (Date.now() < deadline) findings.push(...(await lostSince(db, manifest, ledger)));
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    errors.push(unexpectedError(error));
  }
  return {
    namespace,
    proved: proved.filter((name) => !findings.some(({ migration }) => migration === name)),
    findings,
    unproved: current.filter((m) => m.verify.length === 0).map((m) => m.name),
    pending: manifest.migrations.filter((m) => !applied.has(m.name)).map((m) => m.name),
    errors,
  };
}

/** The same block as in a migration, as the same role, in a transaction that cannot write. */
async function verifyOne(
  db: Database,
  migration: Migration,
  deadline: number,
  ownerRole: string | null,
): Promise<ErrorInfo | null> {
  const limit = `SET LOCAL statement_timeout = ${Math.max(SHORTEST_VERIFY_MS, Math.min(VERIFY_TIMEOUT_MS, deadline - Date.now()))}`;
  try {
    const role = ownerRole === null ? [] : [asOwner(ownerRole)];
    const proof = raiseRows(migration.verify, VERIFICATION_FAILED);
    await db.execute([{ statements: ['SET TRANSACTION READ ONLY', limit, ...role, proof] }]);
    return null;
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    return migrationError(error, { migration: migration.name, section: 'verify', index: 0 }, migration).info;
  }
}

const notReached = (migration: Migration): ErrorInfo => ({
  code: 'verification',
  migration: migration.name,
  message: 'time ran out before its verify section',
  remedy: 'Allow more time.',
});
