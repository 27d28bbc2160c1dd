/**
 * Runs non-transactional statements. Each is recorded before and after it runs, and a run resumes at the one that did
 * not complete.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { TrueupError } from '../../contract/errors';
import type { Migration, StartedTarget, Statement } from '../../contract/manifest';
import { SqlError } from '../../postgres/database';
import { computeGuardMs, makeBrokenWorkloadError } from '../guard/guard';
import { buildGuardDropSql, buildGuardStatementSql } from '../guard/guard-sql';
import {
  buildRecordSql,
  buildRunTimeSql,
  computeKnownRowAfter,
  type MigrationRow,
} from '../ledger/ledger-rows';
import { ConcurrentRunnerError, DeadlineReachedError, type Run } from '../run';
import { OVERTAKEN_SQLSTATE } from '../sql/engine';
import { BREAKS_WORKLOAD_SQLSTATE } from '../sql/guard';
import { BUILD_POLL_MS, MAX_INDEX_ATTEMPTS } from '../time/limits';
import { execute, waitForLock } from './execute';
import { isLockFailure, makeMigrationError } from './failures';
import { buildLongRunningSettings, dropInvalidIndex, type IndexTarget } from './index-state';
import { cleanUpUnfinished, isSameTarget, readStatementOutcome, type StatementProgress } from './outcome';
import { refuseDifferentSearchPath } from './resolve-names';
import { throwIfOvertaken } from './rivals';
import { buildApplyScript, computeRowAfter } from './script';
import type { StatementOrigin } from './script-builder';

export async function applyNonTransactional(
  run: Run,
  migration: Migration,
  index: number,
  preflight: boolean,
): Promise<void> {
  const statement = migration.statements[index]!;
  await refuseDifferentSearchPath(run, locateStatement(migration, index), statement.command);
  const begun = await readStartedStatement(run, migration, statement, index);
  if (preflight && !begun) await runPreflight(run, migration);
  let found = await awaitOutcome(run, migration, statement, begun?.target ?? null);
  // An object that existed before the statement was begun does not belong to this migration, and proves nothing
  // later. The statement is sent, and the server reports the conflict.
  const claimed = begun !== null || found.is !== 'done';
  let attempts = begun ? begun.attempts + (isVisibleInCatalog(statement) ? 0 : 1) : 0;
  for (let attempt = 1; ; attempt++) {
    if (claimed && found.is === 'done') return recordEnd(run, migration, index);
    if (found.is === 'invalid') {
      if (!begun && attempt === 1) throw makeForeignIndexError(migration, index, found.name);
      await dropInvalidIndex(
        run.db,
        statement.target as IndexTarget,
        run.serverVersion,
        run.deadline,
        run.names.ownerRole,
      );
      attempts++;
    }
    if (attempts >= MAX_INDEX_ATTEMPTS) throw makeTooManyAttemptsError(migration, statement, index);
    if (claimed) await recordStart(run, migration, index, attempts);
    try {
      return await sendStatement(run, migration, index, found);
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      attempts++;
      await throwIfOvertaken(run, migration.name);
      const target = (await readStartedStatement(run, migration, statement, index))?.target ?? null;
      await cleanUpUnfinished(run, target ?? statement.target);
      found = await readStatementOutcome(run, statement.target, target?.since ?? null);
      const origin: StatementOrigin = { migration: migration.name, section: 'up', index };
      if (!isLockFailure(error, origin)) {
        if (claimed && found.is === 'done' && statement.target?.kind !== 'index') continue;
        // If it is half done it remains recorded as running, and the next run continues it.
        const running = found.is === 'half done' ? index : null;
        await writeLedger(run, migration, { state: 'partial', statement: index, running });
        throw makeMigrationError(error, origin, migration);
      }
      await waitForLock(run, migration, error, attempt);
    }
  }
}

/**
 * Whether the catalog shows how the statement ended. Where it does not, the statement is run again, but only a
 * limited number of times.
 */
const isVisibleInCatalog = ({ target }: Statement): boolean =>
  target !== null && target.kind !== 'maintenance';

/**
 * Sends the statement together with the ledger's row, so that the server records the end even if the client
 * disconnects. Otherwise the next run determines the outcome.
 */
async function sendStatement(
  run: Run,
  migration: Migration,
  index: number,
  found: StatementProgress,
): Promise<void> {
  const { serverVersion, names, db } = run;
  const sql = found.is === 'half done' ? found.finish : migration.statements[index]!.sql;
  const row = computeRowAfter(migration, index + 1, false);
  const known = run.known.get(migration.name) ?? null;
  const after = [
    ...(names.ownerRole !== null && db.capabilities.session ? ['RESET ROLE'] : []),
    ...buildGuardSql(run, migration),
    buildRecordSql(names.namespace, names.deployment, migration, row, known),
  ];
  try {
    const settings = buildLongRunningSettings(serverVersion, names.ownerRole);
    await db.executeOutside(sql, settings, { deadline: run.deadline, after });
  } catch (error) {
    if (!(error instanceof SqlError) || !error.statement) throw error;
    // The statement itself completed; a statement after it failed.
    if (error.sqlstate === OVERTAKEN_SQLSTATE) throw new ConcurrentRunnerError(migration.name);
    return recordEnd(run, migration, index);
  }
  run.known.set(migration.name, computeKnownRowAfter(names.deployment, migration, row));
}

async function runPreflight(run: Run, migration: Migration): Promise<void> {
  if (migration.preflight.length === 0) return;
  const nothing = { execution: 'transaction' as const, from: 0, to: 0 };
  const expects = run.known.get(migration.name) ?? null;
  const script = buildApplyScript(migration, nothing, run.names, { verify: false, preflight: true, expects });
  await execute(run, [script], [migration]);
}

interface StartedStatement {
  readonly attempts: number;
  readonly target: StartedTarget | null;
}

/** Reads whether an earlier run or slice began this statement without seeing its end. */
async function readStartedStatement(
  run: Run,
  migration: Migration,
  statement: Statement,
  index: number,
): Promise<StartedStatement | null> {
  const rows = await run.db.query<{ running: number | null; attempts: number; target: string | null }>(
    `SELECT running_statement AS running, attempts, running_target::pg_catalog.text AS target FROM trueup.migrations
WHERE namespace OPERATOR(pg_catalog.=) $1::pg_catalog.text AND name OPERATOR(pg_catalog.=) $2::pg_catalog.text
  AND state OPERATOR(pg_catalog.=) 'partial'::pg_catalog.text`,
    [run.names.namespace, migration.name],
  );
  const row = rows[0];
  if (row?.running !== index) return null;
  const target = row.target === null ? null : (JSON.parse(row.target) as StartedTarget);
  if (isSameTarget(target, statement.target)) return { attempts: row.attempts, target };
  // The file was edited since; what the other statement left does not belong to this one.
  const left = await cleanUpUnfinished(run, target);
  if (left !== null) run.warnings.push(`${migration.name}: ${left}`);
  return null;
}

/** Waits while another session is still running the statement. */
async function awaitOutcome(
  run: Run,
  migration: Migration,
  { target }: Statement,
  begun: StartedTarget | null,
): Promise<StatementProgress> {
  for (;;) {
    const found = await readStatementOutcome(run, target, begun?.since ?? null);
    if (found.is === 'under way') await waitForBuild(run, migration, found.message);
    else {
      // A leftover copy is useless whether or not the index was rebuilt.
      if (begun?.kind === 'index' && begun.action === 'reindex') await cleanUpUnfinished(run, begun);
      return found;
    }
  }
}

async function waitForBuild(run: Run, migration: Migration, message: string): Promise<void> {
  run.tell({ type: 'waiting', for: 'runner', message });
  if (Date.now() + BUILD_POLL_MS >= run.deadline)
    throw new DeadlineReachedError(`${migration.name}: ${message}`);
  await sleep(BUILD_POLL_MS);
}

/** Records that the statement is begun. An index that the guaranteed workload needs is not dropped. */
async function recordStart(run: Run, migration: Migration, index: number, attempts: number): Promise<void> {
  const guard = run.guarded ? buildGuardDropSql(migration, migration.statements[index]!, run.names) : [];
  try {
    await writeLedger(
      run,
      migration,
      { state: 'partial', statement: index, running: index, attempts },
      guard,
    );
  } catch (error) {
    if (!(error instanceof SqlError) || error.sqlstate !== BREAKS_WORKLOAD_SQLSTATE) throw error;
    throw await makeBrokenWorkloadError(run, migration, error, index);
  }
}

/** Records what the statement broke, since it cannot be undone. */
const buildGuardSql = (run: Run, migration: Migration): string[] =>
  run.guarded
    ? [
        buildGuardStatementSql(migration, run.names, {
          nonTransactional: true,
          guardMs: computeGuardMs(run)!,
        }),
      ]
    : [];

const recordEnd = (run: Run, migration: Migration, index: number): Promise<void> =>
  writeLedger(run, migration, computeRowAfter(migration, index + 1, false), [
    buildRunTimeSql(run.names.namespace, migration.name),
    ...buildGuardSql(run, migration),
  ]);

async function writeLedger(
  run: Run,
  migration: Migration,
  row: MigrationRow,
  before: readonly string[] = [],
): Promise<void> {
  const { namespace, deployment } = run.names;
  const expects = run.known.get(migration.name) ?? null;
  try {
    const recorded = buildRecordSql(namespace, deployment, migration, row, expects);
    await run.db.execute([{ statements: [...before, recorded] }]);
  } catch (error) {
    if (error instanceof SqlError && error.sqlstate === OVERTAKEN_SQLSTATE)
      throw new ConcurrentRunnerError(migration.name);
    throw error;
  }
  run.known.set(migration.name, computeKnownRowAfter(deployment, migration, row));
}

const locateStatement = (migration: Migration, index: number) => ({
  migration: migration.name,
  file: migration.file,
  statement: index + 1,
  line: migration.statements[index]!.line,
});

const makeForeignIndexError = (migration: Migration, index: number, name: string): TrueupError =>
  new TrueupError({
    ...locateStatement(migration, index),
    code: 'statement',
    message: `an INVALID index ${name} already exists, which this migration did not create; it may reject writes, and no query uses it`,
    remedy: `Drop it (DROP INDEX CONCURRENTLY ${name}), and deploy again.`,
  });

const makeTooManyAttemptsError = (migration: Migration, statement: Statement, index: number): TrueupError =>
  new TrueupError({
    ...locateStatement(migration, index),
    code: 'statement',
    message: `${statement.command} was started ${MAX_INDEX_ATTEMPTS} times and never finished`,
    remedy: 'End the long transactions on that table, which it waits for, and deploy again.',
  });
