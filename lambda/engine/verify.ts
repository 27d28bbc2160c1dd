/** Proves again what is applied: the scheduled drift check, and `trueup verify`. Changes nothing. */
import { type Database, SqlError } from '../postgres/database';
import type { ErrorInfo } from './errors';
import { migrationError } from './failures';
import { type Ledger, readLedger } from './ledger';
import type { Migration } from './manifest';
import type { EngineContext } from './run';
import { asOwner, raiseRows, VERIFICATION_FAILED } from './script';
import { withDatabase } from './status';
import type { Finding, Verification } from './views';

/** @throws {TrueupError} when the database cannot be reached or the ledger not be read */
export async function verify(
  ctx: EngineContext,
  namespace: string,
  ownerRole: string | null = null,
): Promise<Verification> {
  return withDatabase(ctx, async (db) =>
    verifyOn(db, ctx, namespace, await readLedger(db, namespace, null, ownerRole), ownerRole),
  );
}

export async function verifyOn(
  db: Database,
  { manifest, deadline, progress }: EngineContext,
  namespace: string,
  ledger: Ledger,
  ownerRole: string | null = null,
): Promise<Verification> {
  const applied = new Set(ledger.migrations.filter((row) => row.state === 'applied').map((row) => row.name));
  const superseded = new Set(manifest.migrations.flatMap((m) => m.settings.supersedes));
  const proved: string[] = [];
  const findings: Finding[] = [];
  const errors: ErrorInfo[] = [];
  const current = manifest.migrations.filter((m) => applied.has(m.name) && !superseded.has(m.name));
  for (const migration of current.filter((m) => m.verify.length > 0)) {
    if (Date.now() >= deadline) {
      errors.push(notReached(migration));
      continue;
    }
    progress?.({ type: 'started', migration: migration.name, action: 'verify' });
    const error = await proveOne(db, migration, deadline, ownerRole);
    if (error === null) proved.push(migration.name);
    else if (error.code === 'verification' && error.sqlstate === VERIFICATION_FAILED) {
      findings.push(...(error.details ?? []).map((sentence) => ({ migration: migration.name, sentence })));
    } else errors.push(error);
  }
  return {
    namespace,
    proved,
    findings,
    unproved: current.filter((m) => m.verify.length === 0).map((m) => m.name),
    pending: manifest.migrations.filter((m) => !applied.has(m.name)).map((m) => m.name),
    errors,
  };
}

/** The same block as in a migration, as the same role, in a transaction that cannot write. */
async function proveOne(
  db: Database,
  migration: Migration,
  deadline: number,
  ownerRole: string | null,
): Promise<ErrorInfo | null> {
  const limit = `SET LOCAL statement_timeout = ${Math.max(1_000, Math.min(60_000, deadline - Date.now()))}`;
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
  message: 'its verify section was not reached in the time given',
  remedy: 'Give it more time.',
});
