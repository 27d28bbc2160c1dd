/** Applies everything to a temporary empty PostgreSQL and verifies it there. */

import type { ConvergeOutcome } from '../../../lambda/contract/converge';
import { describeError } from '../../../lambda/contract/errors';
import type { Manifest } from '../../../lambda/contract/manifest';
import type { Verification } from '../../../lambda/contract/status';
import type { GuaranteedWorkload, StatementUse, StatementVerdict } from '../../../lambda/contract/workload';
import { buildMarkDeployedSql } from '../../../lambda/engine/guard/guard-sql';
import type { Database } from '../../../lambda/postgres/database';
import { connectPg } from '../../../lambda/postgres/pg';
import { makePinnedTransaction } from '../../../lambda/postgres/pinned-search-path';
import { planStatements } from '../../../lambda/workload/plan-statements';
import { UNDECIDED_REASONS } from '../../../lambda/workload/words';
import type { PostgresServer } from '../../scratch-postgres/server';
import type { Sender, WorkloadEntry } from '../../workload/collect-workload';
import type { WorkloadCheck } from '../../workload/workload-check';
import { UsageError } from '../terminal/failure';
import { createProgressView } from '../terminal/progress';
import type { Terminal } from '../terminal/terminal';
import { newRequestId, runUntilDone } from '../until-done';
import { checkWorkload } from './check-workload';
import type { ConnectionTarget } from './connection';
import { createLocalOperations, type LocalOperations } from './local';
import { withScratchServer } from './own-server';
import { createTrialRole, prepareExtensions, SCRATCH_SUPERUSER, transferOwnership } from './trial-role';

export interface Trial {
  readonly serverVersion: string;
  readonly outcome: ConvergeOutcome;
  /** `null` if not everything could be applied. */
  readonly verification: Verification | null;
  /** The workload as planned after the last migration; `null` if none was given or not everything could be applied. */
  readonly workloadCheck: WorkloadCheck | null;
}

const TRIAL_TIMEOUT_MS = 15 * 60_000;

export interface TrialOptions {
  /**
   * Major version of PostgreSQL.
   * @default - the newest that is installed
   */
  readonly major?: number;
  /** Statements to plan at the end. @default - none */
  readonly workload?: readonly WorkloadEntry[];
  /**
   * The running application: each later migration is guarded, as in a deployment.
   * @default - only the final state is checked
   */
  readonly since?: BaseRevision;
  /**
   * Migrations that create what the database has before the first migration.
   * @default - nothing
   */
  readonly base?: Manifest;
}

export interface BaseRevision {
  /** The revision as the user gave it. */
  readonly revision: string;
  readonly manifest: Manifest;
  /**
   * The guaranteed workload: what the application sends at that commit, and what it sends now. Statements that can be
   * planned there must stay plannable.
   */
  readonly workload: GuaranteedWorkload;
}

export async function tryOnScratch(
  terminal: Terminal,
  manifest: Manifest,
  namespace: string,
  { major, workload, since, base: found }: TrialOptions,
): Promise<Trial> {
  const options = { major, ...(found ? { superuser: SCRATCH_SUPERUSER } : {}) };
  const trial = await withScratchServer(terminal, options, async (server, own) => {
    const progress = createProgressView(own);
    return progress.during(async () => {
      const { target, trial, base } = await prepareTrialDatabase(server, manifest, {
        found,
        since: since?.manifest,
      });
      if (since && base) await applyBaseRevision(target, namespace, { ...since, manifest: base });
      const operations = createLocalOperations({
        target,
        manifest: trial,
        namespace,
        progress: progress.report,
      });
      const { outcome } = await applyAllMigrations(operations);
      const { serverVersion } = await operations.status();
      const verification = outcome.status === 'done' ? await operations.verify() : null;
      const workloadCheck =
        verification === null || workload === undefined
          ? null
          : await withReadOnlyConnection(target, (db) => checkWorkload(db, workload));
      return { serverVersion, outcome, verification, workloadCheck };
    });
  });
  if (trial.workloadCheck === null) return trial;
  const { broken, undecided } = trial.workloadCheck;
  const doubtful = undecided
    .filter(({ why }) => POSSIBLY_PLANNABLE.includes(why))
    .flatMap(({ texts }) => texts);
  if (broken.length + doubtful.length === 0) return trial;
  const blamed = await withScratchServer(terminal, options, (server) =>
    findBreakingMigrations(server, { manifest, found }, namespace, [
      ...broken.map(({ text, senders: [sender] }) => toStatementUse(text, sender!)),
      ...doubtful.map((text) =>
        toStatementUse(text, workload!.find((each) => each.text === text)!.senders[0]!),
      ),
    ]),
  );
  const consents = new Map(manifest.migrations.map(({ name, breaks }) => [name, breaks]));
  return {
    ...trial,
    workloadCheck: {
      ...trial.workloadCheck,
      broken: broken.map((each, i) => {
        const brokenBy = blamed[i];
        const consent = brokenBy === undefined ? undefined : consents.get(brokenBy);
        return { ...each, brokenBy, ...(consent === undefined ? {} : { consent }) };
      }),
      doubtful: doubtful.flatMap((text, i) => {
        const since = blamed[broken.length + i];
        return since === undefined ? [] : [{ text, since }];
      }),
    },
  };
}

/** Reasons for "undecided" that depend on the statement's values. A migration may be why the values matter. */
const POSSIBLY_PLANNABLE = ['untyped', 'overload', 'constant'].map((code) => UNDECIDED_REASONS[code]!);

const toStatementUse = (text: string, { role, searchPath }: Sender): StatementUse => ({
  text,
  role,
  searchPath,
});

/** Brings the server to the state that the running application knows. */
export async function applyBaseRevision(
  target: ConnectionTarget,
  namespace: string,
  { manifest, workload, revision }: BaseRevision,
): Promise<void> {
  const { outcome } = await applyAllMigrations(createLocalOperations({ target, manifest, namespace }));
  if (outcome.status !== 'done') {
    const why = outcome.status === 'failed' ? describeError(outcome.error) : outcome.progress;
    throw new UsageError(
      `--since: the migrations at ${revision} cannot be applied to an empty server: ${why}`,
      'Give a commit whose migrations can be applied, or remove --since.',
    );
  }
  const db = await connectPg(target.pg);
  try {
    await db.execute([makePinnedTransaction(buildMarkDeployedSql(namespace, workload))]);
  } finally {
    await db.close();
  }
}

/** Brings the server to the state that the files were written for. */
async function applyFoundation(target: ConnectionTarget, manifest: Manifest): Promise<void> {
  const { outcome } = await applyAllMigrations(
    createLocalOperations({ target, manifest, namespace: 'base' }),
  );
  if (outcome.status === 'done') return;
  const why = outcome.status === 'failed' ? describeError(outcome.error) : outcome.progress;
  throw new UsageError(
    `--run starts with the base of the folder, which cannot be applied to an empty server: ${why}`,
    'Remove from its files what this server does not support, or choose another version with --major.',
  );
}

export const applyAllMigrations = (operations: LocalOperations) =>
  runUntilDone((slice) => operations.up(slice), { id: newRequestId(), timeoutMs: TRIAL_TIMEOUT_MS });

/**
 * Applies everything again, one migration at a time, and finds for each statement the last migration after which it
 * could no longer be planned.
 */
async function findBreakingMigrations(
  server: PostgresServer,
  { manifest, found }: { readonly manifest: Manifest; readonly found: Manifest | undefined },
  namespace: string,
  asked: readonly StatementUse[],
): Promise<readonly (string | undefined)[]> {
  const { target, trial } = await prepareTrialDatabase(server, manifest, { found });
  const blamed: (string | undefined)[] = asked.map(() => undefined);
  let before: readonly StatementVerdict[] = [];
  for (const [i, { name }] of trial.migrations.entries()) {
    const first = { ...trial, migrations: trial.migrations.slice(0, i + 1) };
    await applyAllMigrations(createLocalOperations({ target, manifest: first, namespace }));
    const after = await withReadOnlyConnection(target, (db) => planStatements(db, asked));
    after.forEach(({ outcome }, k) => {
      if (before[k]?.outcome === 'plans' && outcome !== 'plans') blamed[k] = name;
    });
    before = after;
  }
  return blamed;
}

export async function withReadOnlyConnection<T>(
  { pg }: ConnectionTarget,
  work: (db: Database) => Promise<T>,
): Promise<T> {
  const db = await connectPg({ ...pg, readOnly: true });
  try {
    return await work(db);
  } finally {
    await db.close();
  }
}

/** Creates a database, and a role that has the privileges of a master user there. */
export async function prepareTrialDatabase(
  server: PostgresServer,
  manifest: Manifest,
  before: { readonly found?: Manifest | undefined; readonly since?: Manifest | undefined },
): Promise<{ target: ConnectionTarget; trial: Manifest; base?: Manifest }> {
  const role = await withSuperuser(buildServerTarget(server), createTrialRole);
  const superuser = buildServerTarget(server, role.database);
  const target = { ...superuser, pg: { ...superuser.pg, user: role.name, password: role.password } };
  const of = (each: Manifest | undefined): Manifest['migrations'] => each?.migrations ?? [];
  // All migrations together, because the replacements for extension statements are numbered.
  const whole = [...of(before.found), ...of(before.since), ...manifest.migrations];
  const { migrations } = await withSuperuser(superuser, (db) =>
    prepareExtensions(db, { ...manifest, migrations: whole }),
  );
  const [first, second] = [of(before.found).length, of(before.found).length + of(before.since).length];
  if (before.found) {
    await applyFoundation(target, { ...before.found, migrations: migrations.slice(0, first) });
    await withSuperuser(superuser, (db) => transferOwnership(db, manifest, role));
  }
  return {
    trial: { ...manifest, migrations: migrations.slice(second) },
    ...(before.since ? { base: { ...before.since, migrations: migrations.slice(first, second) } } : {}),
    target,
  };
}

async function withSuperuser<T>({ pg }: ConnectionTarget, work: (db: Database) => Promise<T>): Promise<T> {
  const db = await connectPg(pg);
  try {
    return await work(db);
  } finally {
    await db.close();
  }
}

/** Returns the connection to a database of a temporary server. */
export function buildServerTarget(server: PostgresServer, database = 'postgres'): ConnectionTarget {
  const { host, port, superuser, password } = server;
  return {
    pg: { host, port, user: superuser, password, database, ssl: false },
    label: `${superuser}@${host}:${port}/${database}`,
  };
}
