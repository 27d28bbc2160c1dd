/** Statements outside a transaction: recorded before and after, and resumed at the one that did not come to its end. */
import { setTimeout as sleep } from 'node:timers/promises';
import { TrueupError } from '../../contract/errors';
import type { BegunTarget, Migration, Statement } from '../../contract/manifest';
import { SqlError } from '../../postgres/database';
import { brokenBy } from '../guard/guard';
import { guardDrop, guardStatement } from '../guard/statements';
import { knownAfter, type MigrationRow, ranSince, recordStatement } from '../ledger/rows';
import { NotYet, Overtaken, type Run } from '../run';
import { OVERTAKEN } from '../sql/engine';
import { BREAKS_WORKLOAD } from '../sql/guard';
import { BUILD_POLL_MS, INDEX_ATTEMPTS } from '../time/limits';
import { execute, waitForLock } from './execute';
import { isLockTrouble, migrationError } from './failures';
import { dropInvalid, type IndexTarget, longRunning } from './indexes';
import { type Found, isSameTarget, readOutcome, tidy } from './outcome';
import { refuseOtherPath } from './resolve-names';
import { refuseOvertaken } from './rivals';
import { applyScript, rowAfter } from './script';
import type { Origin } from './script-builder';

export async function applyOutside(
  run: Run,
  migration: Migration,
  index: number,
  preflight: boolean,
): Promise<void> {
  const statement = migration.statements[index]!;
  await refuseOtherPath(run, at(migration, index), statement.command);
  const begun = await readBegun(run, migration, statement, index);
  if (preflight && !begun) await runPreflight(run, migration);
  let found = await awaitOutcome(run, migration, statement, begun?.target ?? null);
  // What was there before anything was begun is not ours, and proves nothing later on: it is left to the server's words.
  const claimed = begun !== null || found.is !== 'done';
  let attempts = begun ? begun.attempts + (tells(statement) ? 0 : 1) : 0;
  for (let attempt = 1; ; attempt++) {
    if (claimed && found.is === 'done') return record(run, migration, index);
    if (found.is === 'invalid') {
      if (!begun && attempt === 1) throw notOurs(migration, index, found.name);
      await dropInvalid(
        run.db,
        statement.target as IndexTarget,
        run.serverVersion,
        run.deadline,
        run.names.ownerRole,
      );
      attempts++;
    }
    if (attempts >= INDEX_ATTEMPTS) throw tooOften(migration, statement, index);
    if (claimed) await claim(run, migration, index, attempts);
    try {
      return await send(run, migration, index, found);
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      attempts++;
      await refuseOvertaken(run, migration.name);
      const target = (await readBegun(run, migration, statement, index))?.target ?? null;
      await tidy(run, target ?? statement.target);
      found = await readOutcome(run, statement.target, target?.since ?? null);
      const origin: Origin = { migration: migration.name, section: 'up', index };
      if (!isLockTrouble(error, origin)) {
        if (claimed && found.is === 'done' && statement.target?.kind !== 'index') continue;
        // Half done it stays ours: the next run goes on there.
        const running = found.is === 'half done' ? index : null;
        await write(run, migration, { state: 'partial', statement: index, running });
        throw migrationError(error, origin, migration);
      }
      await waitForLock(run, migration, error, attempt);
    }
  }
}

/** What nothing in the catalogue tells of is run again, and not for ever. */
const tells = ({ target }: Statement): boolean => target !== null && target.kind !== 'maintenance';

/** The server records the end itself, whatever becomes of this client; only what it cannot is left to the next run. */
async function send(run: Run, migration: Migration, index: number, found: Found): Promise<void> {
  const { serverVersion, names, db } = run;
  const sql = found.is === 'half done' ? found.finish : migration.statements[index]!.sql;
  const row = rowAfter(migration, index + 1, false);
  const known = run.known.get(migration.name) ?? null;
  const after = [
    ...(names.ownerRole !== null && db.capabilities.session ? ['RESET ROLE'] : []),
    ...guardAfter(run, migration),
    recordStatement(names.namespace, names.deployment, migration, row, known),
  ];
  try {
    const settings = longRunning(serverVersion, names.ownerRole);
    await db.executeOutside(sql, settings, { deadline: run.deadline, after });
  } catch (error) {
    if (!(error instanceof SqlError) || !error.statement) throw error;
    // The statement itself is done.
    if (error.sqlstate === OVERTAKEN) throw new Overtaken(migration.name);
    return record(run, migration, index);
  }
  run.known.set(migration.name, knownAfter(names.deployment, migration, row));
}

async function runPreflight(run: Run, migration: Migration): Promise<void> {
  if (migration.preflight.length === 0) return;
  const nothing = { execution: 'transaction' as const, from: 0, to: 0 };
  const expects = run.known.get(migration.name) ?? null;
  const script = applyScript(migration, nothing, run.names, { verify: false, preflight: true, expects });
  await execute(run, [script], [migration]);
}

interface Begun {
  readonly attempts: number;
  readonly target: BegunTarget | null;
}

/** This statement, begun by an earlier run or slice that did not see its end. */
async function readBegun(
  run: Run,
  migration: Migration,
  statement: Statement,
  index: number,
): Promise<Begun | null> {
  const rows = await run.db.query<{ running: number | null; attempts: number; target: string | null }>(
    `SELECT running, attempts, running_target::pg_catalog.text AS target FROM trueup.migrations
WHERE namespace OPERATOR(pg_catalog.=) $1::pg_catalog.text AND name OPERATOR(pg_catalog.=) $2::pg_catalog.text
  AND state OPERATOR(pg_catalog.=) 'partial'::pg_catalog.text`,
    [run.names.namespace, migration.name],
  );
  const row = rows[0];
  if (row?.running !== index) return null;
  const target = row.target === null ? null : (JSON.parse(row.target) as BegunTarget);
  if (isSameTarget(target, statement.target)) return { attempts: row.attempts, target };
  // The file was edited since: what the other statement left is not this one's.
  const left = await tidy(run, target);
  if (left !== null) run.warnings.push(`${migration.name}: ${left}`);
  return null;
}

/** Waits while somebody is at it. */
async function awaitOutcome(
  run: Run,
  migration: Migration,
  { target }: Statement,
  begun: BegunTarget | null,
): Promise<Found> {
  for (;;) {
    const found = await readOutcome(run, target, begun?.since ?? null);
    if (found.is === 'under way') await waitForBuild(run, migration, found.message);
    else {
      // A copy that serves nobody, be the index built again or not.
      if (begun?.kind === 'index' && begun.action === 'reindex') await tidy(run, begun);
      return found;
    }
  }
}

async function waitForBuild(run: Run, migration: Migration, message: string): Promise<void> {
  run.tell({ type: 'waiting', for: 'runner', message });
  if (Date.now() + BUILD_POLL_MS >= run.deadline) throw new NotYet(`${migration.name}: ${message}`);
  await sleep(BUILD_POLL_MS);
}

/** From here on it is ours; an index that a promised statement needs is not dropped. */
async function claim(run: Run, migration: Migration, index: number, attempts: number): Promise<void> {
  const guard = run.guarded ? guardDrop(migration, migration.statements[index]!, run.names) : [];
  try {
    await write(run, migration, { state: 'partial', statement: index, running: index, attempts }, guard);
  } catch (error) {
    if (!(error instanceof SqlError) || error.sqlstate !== BREAKS_WORKLOAD) throw error;
    throw await brokenBy(run, migration, error, index);
  }
}

/** What it broke is written down: it cannot be taken back. */
const guardAfter = (run: Run, migration: Migration): string[] =>
  run.guarded ? [guardStatement(migration, run.names, { outside: true })] : [];

const record = (run: Run, migration: Migration, index: number): Promise<void> =>
  write(run, migration, rowAfter(migration, index + 1, false), [
    ranSince(run.names.namespace, migration.name),
    ...guardAfter(run, migration),
  ]);

async function write(
  run: Run,
  migration: Migration,
  row: MigrationRow,
  before: readonly string[] = [],
): Promise<void> {
  const { namespace, deployment } = run.names;
  const expects = run.known.get(migration.name) ?? null;
  try {
    const recorded = recordStatement(namespace, deployment, migration, row, expects);
    await run.db.execute([{ statements: [...before, recorded] }]);
  } catch (error) {
    if (error instanceof SqlError && error.sqlstate === OVERTAKEN) throw new Overtaken(migration.name);
    throw error;
  }
  run.known.set(migration.name, knownAfter(deployment, migration, row));
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
    message: `an INVALID index ${name} already exists, left by something else; it may reject writes, and no query uses it`,
    remedy: `Drop it (DROP INDEX CONCURRENTLY ${name}), and deploy again.`,
  });

const tooOften = (migration: Migration, statement: Statement, index: number): TrueupError =>
  new TrueupError({
    ...at(migration, index),
    code: 'statement',
    message: `${statement.command} was started ${INDEX_ATTEMPTS} times and never finished`,
    remedy: 'End the long transactions on that table, which it waits for, and deploy again.',
  });
