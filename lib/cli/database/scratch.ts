/** Applies everything to a temporary empty PostgreSQL, and verifies it there. */

import type { Outcome } from '../../../lambda/contract/converge';
import { describeError } from '../../../lambda/contract/errors';
import type { Manifest } from '../../../lambda/contract/manifest';
import type { Verification } from '../../../lambda/contract/status';
import type { Asked, Verdict, WorkloadPromise } from '../../../lambda/contract/workload';
import { declareRunning } from '../../../lambda/engine/guard/statements';
import type { Database } from '../../../lambda/postgres/database';
import { connectPg } from '../../../lambda/postgres/pg';
import { pinned } from '../../../lambda/postgres/pinned';
import { planStatements } from '../../../lambda/workload/plan';
import { UNDECIDED } from '../../../lambda/workload/words';
import type { PostgresServer } from '../../scratch-postgres/server';
import type { Rehearsal } from '../../workload/rehearsal';
import type { Sender, WorkloadEntry } from '../../workload/workload';
import { UsageError } from '../terminal/failure';
import { progressView } from '../terminal/progress';
import type { Terminal } from '../terminal/terminal';
import { newRequestId, untilDone } from '../until-done';
import type { ConnectionTarget } from './connection';
import { type LocalOperations, localOperations } from './local';
import { withOwnServer } from './own-server';
import { rehearse } from './rehearse';
import { createTrialRole, handOver, prepareExtensions, SUPERUSER } from './trial-role';

export interface Trial {
  readonly serverVersion: string;
  readonly outcome: Outcome;
  /** Null when not everything could be applied. */
  readonly verification: Verification | null;
  /** Of the workload, after the last migration; null where none was given, or not everything could be applied. */
  readonly rehearsal: Rehearsal | null;
}

const TRIAL_TIMEOUT_MS = 15 * 60_000;

export interface TrialOptions {
  /** @default - the newest that is installed */
  readonly major?: number;
  /** Statements to plan at the end. @default - none */
  readonly workload?: readonly WorkloadEntry[];
  /** What is running: each migration after it is guarded, as in a deployment. @default - only the end is judged */
  readonly since?: Since;
  /** What the database has before the first migration. @default - nothing */
  readonly base?: Manifest;
}

export interface Since {
  /** As a person named it. */
  readonly revision: string;
  readonly manifest: Manifest;
  /** What the application of that commit sends, and what this one sends: what plans there must go on planning. */
  readonly promise: WorkloadPromise;
}

export async function tryOnScratch(
  terminal: Terminal,
  manifest: Manifest,
  namespace: string,
  { major, workload, since, base: found }: TrialOptions,
): Promise<Trial> {
  const options = { major, ...(found ? { superuser: SUPERUSER } : {}) };
  const trial = await withOwnServer(terminal, options, async (server, own) => {
    const progress = progressView(own);
    return progress.during(async () => {
      const { target, trial, base } = await prepare(server, manifest, { found, since: since?.manifest });
      if (since && base) await beginAt(target, namespace, { ...since, manifest: base });
      const operations = localOperations({ target, manifest: trial, namespace, progress: progress.report });
      const { outcome } = await applied(operations);
      const { serverVersion } = await operations.status();
      const verification = outcome.status === 'done' ? await operations.verify() : null;
      const rehearsal =
        verification === null || workload === undefined
          ? null
          : await onTarget(target, (db) => rehearse(db, workload));
      return { serverVersion, outcome, verification, rehearsal };
    });
  });
  if (trial.rehearsal === null) return trial;
  const { broken, undecided } = trial.rehearsal;
  const doubtful = undecided
    .filter(({ why }) => MAY_HAVE_PLANNED.includes(why))
    .flatMap(({ texts }) => texts);
  if (broken.length + doubtful.length === 0) return trial;
  const blamed = await withOwnServer(terminal, options, (server) =>
    blame(server, { manifest, found }, namespace, [
      ...broken.map(({ text, senders: [sender] }) => questionOf(text, sender!)),
      ...doubtful.map((text) => questionOf(text, workload!.find((each) => each.text === text)!.senders[0]!)),
    ]),
  );
  const consents = new Map(manifest.migrations.map(({ name, breaks }) => [name, breaks]));
  return {
    ...trial,
    rehearsal: {
      ...trial.rehearsal,
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

/** What the values of a statement would decide: a schema may be the reason that it takes them. */
const MAY_HAVE_PLANNED = ['untyped', 'overload', 'constant'].map((code) => UNDECIDED[code]!);

const questionOf = (text: string, { role, searchPath }: Sender): Asked => ({ text, role, searchPath });

/** The server as the running application knows it. */
export async function beginAt(
  target: ConnectionTarget,
  namespace: string,
  { manifest, promise, revision }: Since,
): Promise<void> {
  const { outcome } = await applied(localOperations({ target, manifest, namespace }));
  if (outcome.status !== 'done') {
    const why = outcome.status === 'failed' ? describeError(outcome.error) : outcome.progress;
    throw new UsageError(
      `--since: the migrations at ${revision} cannot be applied to an empty server: ${why}`,
      'Give a commit whose migrations can, or leave --since out.',
    );
  }
  const db = await connectPg(target.pg);
  try {
    await db.execute([pinned(declareRunning(namespace, promise))]);
  } finally {
    await db.close();
  }
}

/** The server as the files find it. */
async function beginWith(target: ConnectionTarget, manifest: Manifest): Promise<void> {
  const { outcome } = await applied(localOperations({ target, manifest, namespace: 'base' }));
  if (outcome.status === 'done') return;
  const why = outcome.status === 'failed' ? describeError(outcome.error) : outcome.progress;
  throw new UsageError(
    `the base of the folder, which --run begins with, cannot be applied to an empty server: ${why}`,
    'Take out of its files what this server does not have, or choose another version with --major.',
  );
}

export const applied = (operations: LocalOperations) =>
  untilDone((slice) => operations.up(slice), { id: newRequestId(), timeoutMs: TRIAL_TIMEOUT_MS });

/** Everything once more, one migration after another: which was the last after which each statement no longer planned? */
async function blame(
  server: PostgresServer,
  { manifest, found }: { readonly manifest: Manifest; readonly found: Manifest | undefined },
  namespace: string,
  asked: readonly Asked[],
): Promise<readonly (string | undefined)[]> {
  const { target, trial } = await prepare(server, manifest, { found });
  const blamed: (string | undefined)[] = asked.map(() => undefined);
  let before: readonly Verdict[] = [];
  for (const [i, { name }] of trial.migrations.entries()) {
    const first = { ...trial, migrations: trial.migrations.slice(0, i + 1) };
    await applied(localOperations({ target, manifest: first, namespace }));
    const after = await onTarget(target, (db) => planStatements(db, asked));
    after.forEach(({ outcome }, k) => {
      if (before[k]?.outcome === 'plans' && outcome !== 'plans') blamed[k] = name;
    });
    before = after;
  }
  return blamed;
}

export async function onTarget<T>({ pg }: ConnectionTarget, work: (db: Database) => Promise<T>): Promise<T> {
  const db = await connectPg({ ...pg, readOnly: true });
  try {
    return await work(db);
  } finally {
    await db.close();
  }
}

/** A database of its own, and a role that may do there what a master user may. */
export async function prepare(
  server: PostgresServer,
  manifest: Manifest,
  before: { readonly found?: Manifest | undefined; readonly since?: Manifest | undefined },
): Promise<{ target: ConnectionTarget; trial: Manifest; base?: Manifest }> {
  const role = await withSuperuser(serverTarget(server), createTrialRole);
  const superuser = serverTarget(server, role.database);
  const target = { ...superuser, pg: { ...superuser.pg, user: role.name, password: role.password } };
  const of = (each: Manifest | undefined): Manifest['migrations'] => each?.migrations ?? [];
  // All at once: the statements of extensions are numbered.
  const whole = [...of(before.found), ...of(before.since), ...manifest.migrations];
  const { migrations } = await withSuperuser(superuser, (db) =>
    prepareExtensions(db, { ...manifest, migrations: whole }),
  );
  const [first, second] = [of(before.found).length, of(before.found).length + of(before.since).length];
  if (before.found) {
    await beginWith(target, { ...before.found, migrations: migrations.slice(0, first) });
    await withSuperuser(superuser, (db) => handOver(db, manifest, role));
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

/**
 * A database of a server of our own.
 * @param roots PEM of its authority, where it speaks TLS
 */
export function serverTarget(
  server: PostgresServer,
  database = 'postgres',
  roots?: string,
): ConnectionTarget {
  const { host, port, superuser, password } = server;
  return {
    pg: { host, port, user: superuser, password, database, ssl: roots === undefined ? false : { ca: roots } },
    label: `${superuser}@${host}:${port}/${database}`,
  };
}
