/** Statements outside a transaction: recorded before and after, and resumed at the one that did not come to its end. */
import { setTimeout as sleep } from 'node:timers/promises';
import { SqlError } from '../postgres/database';
import { TrueupError } from './errors';
import { execute, waitForLock } from './execute';
import { isLockTrouble, migrationError } from './failures';
import { dropInvalid, dropReindexLeftovers, type IndexTarget, longRunning, readIndex } from './indexes';
import { type MigrationRow, recordStatement } from './ledger-rows';
import type { Migration, Statement } from './manifest';
import { refuseOtherPath } from './names';
import { INDEX_ATTEMPTS } from './retry';
import { NotYet, type Run } from './run';
import { applyScript, type Origin, rowAfter } from './script';

export async function applyOutside(
  run: Run,
  migration: Migration,
  index: number,
  preflight: boolean,
): Promise<void> {
  const statement = migration.statements[index]!;
  await refuseOtherPath(run, at(migration, index), statement.command);
  const earlier = await readRunning(run, migration.name);
  const ours = earlier?.running === index;
  if (preflight && !ours && migration.preflight.length > 0) {
    const nothing = { execution: 'transaction' as const, from: 0, to: 0 };
    await execute(
      run,
      [applyScript(migration, nothing, run.names, { verify: false, preflight: true })],
      [migration],
    );
  }
  const found = await whatBecameOfIt(run, migration, statement, index, ours);
  if (found === 'done') return record(run, migration, index);
  let failures = (ours ? earlier.attempts : 0) + (found === 'dropped' ? 1 : 0);
  for (let attempt = 1; ; attempt++) {
    if (failures >= INDEX_ATTEMPTS) throw tooOften(migration, statement, index);
    await write(run, migration, { state: 'partial', statement: index, running: index, attempts: failures });
    try {
      const settings = longRunning(run.serverVersion, run.names.ownerRole);
      await run.db.executeOutside(statement.sql, settings, { deadline: run.deadline });
      return record(run, migration, index);
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      if (ours && goneAlready(statement, error)) return record(run, migration, index);
      failures++;
      await cleanUp(run, statement);
      const origin: Origin = { migration: migration.name, section: 'up', index };
      if (!isLockTrouble(error, origin)) {
        await write(run, migration, { state: 'partial', statement: index, running: null });
        throw migrationError(error, origin, migration);
      }
      await waitForLock(run, migration, error, attempt);
    }
  }
}

async function readRunning(
  run: Run,
  name: string,
): Promise<{ running: number | null; attempts: number } | undefined> {
  const rows = await run.db.query(
    `SELECT running, attempts FROM trueup.migrations WHERE namespace OPERATOR(pg_catalog.=) $1::text
  AND name OPERATOR(pg_catalog.=) $2::text AND state OPERATOR(pg_catalog.=) 'partial'::text`,
    [run.names.namespace, name],
  );
  return rows[0] as { running: number | null; attempts: number } | undefined;
}

/** Where an earlier run began it and did not see its end: by the catalogue, never by belief. */
async function whatBecameOfIt(
  run: Run,
  migration: Migration,
  statement: Statement,
  index: number,
  ours: boolean,
): Promise<'done' | 'absent' | 'dropped'> {
  const { target } = statement;
  const { ownerRole } = run.names;
  if (target?.kind !== 'index') return 'absent';
  if (target.action === 'reindex') {
    if (ours) await dropReindexLeftovers(run.db, target, run.serverVersion, run.deadline, ownerRole);
    return 'absent';
  }
  for (;;) {
    const found = await readIndex(run.db, target, ownerRole);
    if (target.action === 'drop') return ours && found === null ? 'done' : 'absent';
    if (found === null) return 'absent';
    if (found.building) {
      await waitForBuild(run, migration, `${found.name} is being built: ${found.building}`);
      continue;
    }
    // One of another kind is somebody else's: the statement itself then says that the name is taken.
    if (found.valid) return ours && found.unique === target.unique ? 'done' : 'absent';
    if (!ours) throw notOurs(migration, index, found.name);
    await dropInvalid(run.db, target, run.serverVersion, run.deadline, ownerRole);
    return 'dropped';
  }
}

async function waitForBuild(run: Run, migration: Migration, message: string): Promise<void> {
  run.tell({ type: 'waiting', for: 'runner', message });
  if (Date.now() + 1_000 >= run.deadline) throw new NotYet(`${migration.name}: ${message}`);
  await sleep(1_000);
}

const goneAlready = (statement: Statement, error: SqlError): boolean =>
  statement.target?.kind === 'index' && statement.target.action === 'drop' && error.sqlstate === '42704';

/** A failed build leaves its index behind, INVALID. */
async function cleanUp(run: Run, { target }: Statement): Promise<void> {
  if (target?.kind !== 'index') return;
  const { ownerRole } = run.names;
  if (target.action === 'create')
    await dropInvalid(run.db, target as IndexTarget, run.serverVersion, run.deadline, ownerRole);
  if (target.action === 'reindex')
    await dropReindexLeftovers(run.db, target, run.serverVersion, run.deadline, ownerRole);
}

const record = (run: Run, migration: Migration, index: number): Promise<void> =>
  write(run, migration, rowAfter(migration, index + 1, false));

async function write(run: Run, migration: Migration, row: MigrationRow): Promise<void> {
  const { namespace, deployment } = run.names;
  await run.db.execute([{ statements: [recordStatement(namespace, deployment, migration, row)] }]);
}

const at = (migration: Migration, index: number) => ({
  migration: migration.name,
  file: migration.file,
  statement: index + 1,
  line: migration.statements[index]!.line,
});

const notOurs = (migration: Migration, index: number, name: string): TrueupError =>
  new TrueupError({
    ...at(migration, index),
    code: 'statement',
    message: `an INVALID index ${name} is there already, left by something else; it refuses writes and serves no query`,
    remedy: `Drop it (DROP INDEX CONCURRENTLY ${name}), and deploy again.`,
  });

const tooOften = (migration: Migration, statement: Statement, index: number): TrueupError =>
  new TrueupError({
    ...at(migration, index),
    code: 'statement',
    message: `${statement.command} was begun ${INDEX_ATTEMPTS} times and never came to its end`,
    remedy: 'Look for long transactions on that table, which it waits for, and deploy again.',
  });
