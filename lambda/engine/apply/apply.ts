/** Carries out the planner's steps. What is committed is recorded in the same transaction; so this may be cut anywhere. */
import { TrueupError } from '../../contract/errors';
import type { Migration } from '../../contract/manifest';
import { pinned } from '../../postgres/pinned';
import { acceptedStatement, markAppliedStatement } from '../ledger/rows';
import { eventStatement } from '../ledger/schema';
import type { Step } from '../plan/plan';
import type { Run } from '../run';
import { QUICK_MESSAGE_MS } from '../time/limits';
import { execute } from './execute';
import { applyOutside } from './outside';
import { applyScript, isSimple, type Segment, segmentsOf, verifyScript } from './script';

/**
 * How many small migrations share a message, and how long it may get: they commit one by one all the same. Whoever
 * interrupts a run waits for the message, and a deadline undoes what is under way in it: they grow only while quick.
 */
const MESSAGE_MIGRATIONS = 50;
const MESSAGE_CHARACTERS = 200_000;

type ApplyStep = Extract<Step, { type: 'apply' }>;

export async function runSteps(run: Run, steps: readonly Step[]): Promise<void> {
  let most = 1;
  for (let i = 0; i < steps.length; ) {
    const together = simpleRun(steps, i, most);
    if (together.length > 0) {
      const began = Date.now();
      await applyTogether(run, together);
      i += together.length;
      most = Date.now() - began < QUICK_MESSAGE_MS ? Math.min(4 * most, MESSAGE_MIGRATIONS) : 1;
    } else {
      await runStep(run, steps[i]!);
      i++;
    }
  }
}

/** Neighbours from `start` that fit into one message. */
function simpleRun(steps: readonly Step[], start: number, most: number): ApplyStep[] {
  const together: ApplyStep[] = [];
  let characters = 0;
  for (const step of steps.slice(start, start + most)) {
    if (step.type !== 'apply' || step.from !== 0 || !isSimple(step.migration)) break;
    characters += step.migration.statements.reduce((sum, s) => sum + s.sql.length, 0);
    if (together.length > 0 && characters > MESSAGE_CHARACTERS) break;
    together.push(step);
  }
  return together;
}

async function applyTogether(run: Run, steps: readonly ApplyStep[]): Promise<void> {
  const scripts = steps.map(({ migration }, i) =>
    applyScript(migration, whole(migration), run.names, {
      verify: true,
      preflight: true,
      expects: known(run, migration),
      guard: run.guarded,
      flushedLater: i < steps.length - 1,
    }),
  );
  for (const { migration } of steps)
    run.tell({ type: 'started', migration: migration.name, action: 'apply' });
  const began = Date.now();
  await execute(
    run,
    scripts,
    steps.map((step) => step.migration),
    (index) => {
      const { name } = steps[index]!.migration;
      run.applied.add(name);
      // The server answers for a message, so what each of several took is known to the ledger alone.
      const durationMs = steps.length === 1 ? Date.now() - began : null;
      run.tell({ type: 'finished', migration: name, action: 'apply', durationMs });
    },
  );
}

const known = (run: Run, { name }: Migration) => run.known.get(name) ?? null;

const whole = (migration: Migration): Segment => ({
  execution: 'transaction',
  from: 0,
  to: migration.statements.length,
});

async function runStep(run: Run, step: Step): Promise<void> {
  const { migration } = step;
  const began = Date.now();
  const action =
    step.type === 'apply'
      ? 'apply'
      : step.type === 'baseline' && migration.verify.length === 0
        ? 'record'
        : 'verify';
  run.tell({ type: 'started', migration: migration.name, action });
  if (step.type === 'apply') await applyInSegments(run, step);
  else if (step.type === 'baseline') {
    if (!(await baseline(run, migration))) return;
  } else if (step.type === 'accept') {
    await verifyAndRecord(run, migration, 'accepted');
    run.accepted.add(migration.name);
  } else if (step.type === 'accept-later') {
    const text = { name: migration.name, upChecksum: step.upChecksum };
    await run.db.execute([
      { statements: [acceptedStatement(run.names.namespace, run.names.deployment, text)] },
    ]);
    run.acceptedLater.add(migration.name);
  } else {
    await (step.type === 'verify' ? verifyAndRecord : recordWithoutVerify)(run, migration);
    run.finished.add(migration.name);
  }
  run.tell({ type: 'finished', migration: migration.name, action, durationMs: Date.now() - began });
}

async function applyInSegments(run: Run, { migration, from }: ApplyStep): Promise<void> {
  const segments = segmentsOf(migration, from);
  for (const segment of segments) {
    const command = migration.statements[segment.from]!.command;
    const progress = { statement: segment.from + 1, of: migration.statements.length, command };
    run.tell({ type: 'statement', migration: migration.name, ...progress });
    const preflight = segment.from === 0;
    if (segment.execution === 'outside') await applyOutside(run, migration, segment.from, preflight);
    else if (segment.execution === 'batch') await applyBatches(run, migration, segment, preflight);
    else
      await execute(
        run,
        [
          applyScript(migration, segment, run.names, {
            verify: false,
            preflight,
            expects: known(run, migration),
            guard: run.guarded,
          }),
        ],
        [migration],
      );
  }
  run.applied.add(migration.name);
  if (migration.verify.length > 0) await verifyAndRecord(run, migration);
}

async function applyBatches(
  run: Run,
  migration: Migration,
  segment: Segment,
  preflight: boolean,
): Promise<void> {
  const again: Segment = { ...segment, to: segment.from };
  let total = 0;
  for (let first = preflight; ; first = false) {
    // `to` stays before the statement until a round changes nothing; its SQL is sent all the same.
    const script = applyScript(migration, segment, run.names, {
      verify: false,
      preflight: first,
      expects: known(run, migration),
      record: again,
    });
    const rows = await execute(run, [script], [migration]);
    const changed = rows[0]?.[script.origins.findIndex((o) => o.section === 'up')] ?? 0;
    total += changed;
    run.tell({ type: 'batch', migration: migration.name, rows: changed, total });
    if (changed === 0) break;
  }
  const done = applyScript(migration, { ...segment, from: segment.to }, run.names, {
    verify: false,
    preflight: false,
    expects: known(run, migration),
    guard: run.guarded,
  });
  await execute(run, [done], [migration]);
}

/** Its row says from here on that this text is applied. */
async function verifyAndRecord(
  run: Run,
  migration: Migration,
  as: 'proved' | 'accepted' = 'proved',
): Promise<void> {
  const { namespace, deployment } = run.names;
  const { name, checksums } = migration;
  const ledger = [
    markAppliedStatement(namespace, migration, true),
    as === 'accepted'
      ? acceptedStatement(namespace, deployment, { name, upChecksum: checksums.up })
      : eventStatement(namespace, deployment, name, 'proved'),
  ];
  await execute(run, [verifyScript(migration, run.names, ledger)], [migration]);
}

async function recordWithoutVerify(run: Run, migration: Migration): Promise<void> {
  const { namespace, deployment } = run.names;
  const event = eventStatement(namespace, deployment, migration.name, 'settled');
  await run.db.execute([pinned([markAppliedStatement(namespace, migration, false), event])]);
}

/** Marks as applied only what verifies, or what another tool's ledger holds; and says whether it did. */
async function baseline(run: Run, migration: Migration): Promise<boolean> {
  const hasVerify = migration.verify.length > 0;
  if (!hasVerify && !run.elsewhere.some(({ names }) => names.has(migration.name))) {
    run.unmarked.set(migration.name, 'it has no verify section, so nothing can tell');
    return false;
  }
  const segment = { ...whole(migration), from: migration.statements.length };
  const script = applyScript(migration, segment, run.names, {
    verify: hasVerify,
    preflight: false,
    expects: known(run, migration),
    baselined: true,
  });
  try {
    await execute(run, [script], [migration]);
    run.baselined.add(migration.name);
    return true;
  } catch (error) {
    if (!(error instanceof TrueupError) || error.info.code !== 'verification') throw error;
    const { details, message } = error.info;
    run.unmarked.set(migration.name, details ? [...new Set(details)].join('; ') : message);
    return false;
  }
}
