/**
 * Carries out the planner's steps. Each commit includes its ledger row, so the run may be interrupted at any point.
 */
import { TrueupError } from '../../contract/errors';
import type { Migration } from '../../contract/manifest';
import { makePinnedTransaction } from '../../postgres/pinned-search-path';
import { computeGuardMs } from '../guard/guard';
import {
  buildAcceptedTextSql,
  buildMarkAppliedSql,
  buildNewTextSql,
  buildRenameSql,
  buildRowsChangedSql,
  buildVerifiedEventSql,
} from '../ledger/ledger-rows';
import { buildEventSql } from '../ledger/schema';
import type { PlanStep } from '../plan/plan';
import type { FileRename } from '../plan/renamed-files';
import type { Run } from '../run';
import { MAX_QUICK_MESSAGE_MS } from '../time/limits';
import { execute } from './execute';
import { applyNonTransactional } from './non-transactional';
import {
  buildApplyScript,
  buildVerifyScript,
  isSingleTransaction,
  type Segment,
  splitIntoSegments,
} from './script';

/**
 * Limits for the number and size of small migrations that share a message; each of them still commits separately. An
 * interruption waits for the message to end, and a deadline undoes the migration in progress, so messages grow only
 * while they are quick.
 */
const MAX_MESSAGE_MIGRATIONS = 50;
const MAX_MESSAGE_CHARACTERS = 200_000;

type ApplyStep = Extract<PlanStep, { type: 'apply' }>;

export async function runSteps(run: Run, steps: readonly PlanStep[]): Promise<void> {
  let most = 1;
  for (let i = 0; i < steps.length; ) {
    const together = takeSimpleSteps(steps, i, most);
    if (together.length > 0) {
      const began = Date.now();
      await applyInOneMessage(run, together);
      i += together.length;
      most = Date.now() - began < MAX_QUICK_MESSAGE_MS ? Math.min(4 * most, MAX_MESSAGE_MIGRATIONS) : 1;
    } else {
      await runStep(run, steps[i]!);
      i++;
    }
  }
}

/** Returns the consecutive steps from `start` that fit into one message. */
function takeSimpleSteps(steps: readonly PlanStep[], start: number, most: number): ApplyStep[] {
  const together: ApplyStep[] = [];
  let characters = 0;
  for (const step of steps.slice(start, start + most)) {
    if (step.type !== 'apply' || step.from !== 0 || !isSingleTransaction(step.migration)) break;
    characters += step.migration.statements.reduce((sum, s) => sum + s.sql.length, 0);
    if (together.length > 0 && characters > MAX_MESSAGE_CHARACTERS) break;
    together.push(step);
  }
  return together;
}

async function applyInOneMessage(run: Run, steps: readonly ApplyStep[]): Promise<void> {
  const scripts = steps.map(({ migration }, i) =>
    buildApplyScript(migration, makeWholeSegment(migration), run.names, {
      verify: true,
      preflight: true,
      expects: getKnownRow(run, migration),
      guardMs: computeGuardMs(run),
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
      // The server answers once per message. How long each of several migrations took is therefore only in the
      // ledger.
      const durationMs = steps.length === 1 ? Date.now() - began : null;
      run.tell({ type: 'finished', migration: name, action: 'apply', durationMs });
    },
  );
}

const getKnownRow = (run: Run, { name }: Migration) => run.known.get(name) ?? null;

const makeWholeSegment = (migration: Migration): Segment => ({
  execution: 'transaction',
  from: 0,
  to: migration.statements.length,
});

async function runStep(run: Run, step: PlanStep): Promise<void> {
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
    if (!(await applyBaseline(run, migration))) return;
  } else if (step.type === 'accept') {
    await (step.sameStatements
      ? recordText(run, migration)
      : verifyAndRecord(run, migration, 'accepted', step.rename));
    run.recordedEdits.add(migration.name);
  } else if (step.type === 'accept-later') {
    const text = { name: migration.name, upChecksum: step.upChecksum };
    await run.db.execute([
      { statements: [buildAcceptedTextSql(run.names.namespace, run.names.deployment, text)] },
    ]);
    run.approvedEdits.add(migration.name);
  } else {
    await (step.type === 'verify' ? verifyAndRecord : recordWithoutVerify)(run, migration);
    run.finished.add(migration.name);
  }
  const durationMs = Date.now() - began + (run.doneBefore.get(migration.name)?.durationMs ?? 0);
  run.tell({ type: 'finished', migration: migration.name, action, durationMs });
}

async function applyInSegments(run: Run, { migration, from }: ApplyStep): Promise<void> {
  const segments = splitIntoSegments(migration, from);
  for (const segment of segments) {
    const command = migration.statements[segment.from]!.command;
    const progress = { statement: segment.from + 1, of: migration.statements.length, command };
    run.tell({ type: 'statement', migration: migration.name, ...progress });
    const preflight = segment.from === 0;
    if (segment.execution === 'non-transactional')
      await applyNonTransactional(run, migration, segment.from, preflight);
    else if (segment.execution === 'batch') await applyBatches(run, migration, segment, preflight);
    else
      await execute(
        run,
        [
          buildApplyScript(migration, segment, run.names, {
            verify: false,
            preflight,
            expects: getKnownRow(run, migration),
            guardMs: computeGuardMs(run),
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
  // Rows that an earlier slice or run changed in this batch count too.
  let total =
    run.known.get(migration.name)?.statement === segment.from
      ? (run.doneBefore.get(migration.name)?.rowsChanged ?? 0)
      : 0;
  for (let first = preflight; ; first = false) {
    // `to` stays before the statement until a round changes no rows, but its SQL is still sent.
    const script = buildApplyScript(migration, segment, run.names, {
      verify: false,
      preflight: first,
      expects: getKnownRow(run, migration),
      record: again,
      rowsChanged: total,
    });
    const rows = await execute(run, [script], [migration]).catch(async (error: unknown) => {
      // The ledger's row has the total before the last round; a process that is killed loses the count of one round.
      const known = buildRowsChangedSql(run.names.namespace, migration.name, total);
      await run.db.execute([makePinnedTransaction([known])]).catch(() => {});
      throw error;
    });
    const changed = rows[0]?.[script.origins.findIndex((o) => o.section === 'up')] ?? 0;
    total += changed;
    run.tell({ type: 'batch', migration: migration.name, rows: changed, total });
    if (changed === 0) break;
  }
  const done = buildApplyScript(migration, { ...segment, from: segment.to }, run.names, {
    verify: false,
    preflight: false,
    expects: getKnownRow(run, migration),
    guardMs: computeGuardMs(run),
  });
  await execute(run, [done], [migration]);
}

/** Runs the verify section and records this text as applied, and the new name of a renamed file. */
async function verifyAndRecord(
  run: Run,
  migration: Migration,
  as: 'verified' | 'accepted' = 'verified',
  rename?: FileRename,
): Promise<void> {
  const { namespace, deployment } = run.names;
  const { name, checksums } = migration;
  const ledger = [
    ...(rename ? buildRenameSql(namespace, deployment, [rename]) : []),
    buildMarkAppliedSql(namespace, migration, true),
    as === 'accepted'
      ? buildAcceptedTextSql(namespace, deployment, { name, upChecksum: checksums.up })
      : buildVerifiedEventSql(namespace, deployment, name),
  ];
  // For an edited file, only a passed verify section shows that nothing has changed, so an unchecked one is an error.
  const unchecked = as === 'accepted' ? 'raise' : 'note';
  await execute(run, [buildVerifyScript(migration, run.names, ledger, unchecked)], [migration]);
}

/** Records the new text of an applied file that differs only in comments and whitespace. */
async function recordText(run: Run, migration: Migration): Promise<void> {
  const { namespace, deployment } = run.names;
  const { name, checksums } = migration;
  await run.db.execute([
    makePinnedTransaction([
      buildNewTextSql(namespace, migration),
      buildAcceptedTextSql(namespace, deployment, { name, upChecksum: checksums.up }),
    ]),
  ]);
}

async function recordWithoutVerify(run: Run, migration: Migration): Promise<void> {
  const { namespace, deployment } = run.names;
  const event = buildEventSql(namespace, deployment, migration.name, 'settled');
  await run.db.execute([makePinnedTransaction([buildMarkAppliedSql(namespace, migration, false), event])]);
}

/**
 * Records the migration as applied if its verify section passes, or if another tool's ledger contains it. Returns
 * whether it did.
 */
async function applyBaseline(run: Run, migration: Migration): Promise<boolean> {
  const hasVerify = migration.verify.length > 0;
  if (!hasVerify && !run.elsewhere.some(({ names }) => names.has(migration.name))) {
    run.unmarked.set(migration.name, 'it has no verify section, so Trueup cannot check it');
    return false;
  }
  const segment = { ...makeWholeSegment(migration), from: migration.statements.length };
  const script = buildApplyScript(migration, segment, run.names, {
    verify: hasVerify,
    preflight: false,
    expects: getKnownRow(run, migration),
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
