/** The state of one engine run, and the errors that end a slice before its work is done. */

import type { ConvergeRequest, KeptMigration, ProgressListener } from '../contract/converge';
import type { ErrorInfo } from '../contract/errors';
import type { Manifest } from '../contract/manifest';
import type { Database } from '../postgres/database';
import type { RunNames } from './apply/run-names';
import type { ForeignLedgerResult } from './foreign-ledgers';
import { isGuarded, warnOfMissingWorkload } from './guard/guard-sql';
import type { Ledger } from './ledger/ledger';
import { type KnownRow, toKnownRow } from './ledger/ledger-rows';
import type { FilesAppliedElsewhere } from './plan/other-tools';
import { resolveSchemas } from './search-path';
import { DEFAULT_GUARD_TIME_MS } from './time/limits';

export interface EngineContext {
  /** Whether a plan measures table sizes and counts rows that violate new constraints. @default true */
  readonly measures?: boolean;
  /** Opens a connection to the writer. Makes one attempt. */
  readonly connect: () => Promise<Database>;
  /**
   * Opens a connection that can write, where {@link connect} is read-only. Used only for the records that a check
   * keeps in schema trueup.
   * @default - nothing is recorded
   */
  readonly connectForRecords?: () => Promise<Database>;
  readonly manifest: Manifest;
  /** When this slice must have answered, in milliseconds since the epoch. */
  readonly deadline: number;
  readonly progress?: ProgressListener;
  /** How long to wait for a database that does not answer. @default - 60,000 ms */
  readonly connectPatienceMs?: number;
  /** How much of that wait has already passed. @default 0 */
  readonly connectWaitedMs?: number;
  /**
   * When the run began, by the server's clock. It is kept across slices, so that the report includes what other
   * runners did in the meantime.
   * @default - the report covers this run only
   */
  readonly begun?: { at?: string };
  /**
   * Number of days. Live statements that ran within that time are guarded, even if a deployment followed. @default 0
   */
  readonly workloadDays?: number;
  /** Maximum time for planning the statements that pending files touch, in milliseconds. @default - GUARD_TIME_MS */
  readonly guardTimeMs?: number;
  /**
   * Moves the deadline of a caller that can wait, since planning those statements may take longer than a slice.
   * @default - the deadline does not move
   */
  readonly extend?: (untilMs: number) => void;
}

/** One run on one connection. Its lists and sets hold what this slice did. */
export interface Run {
  readonly db: Database;
  readonly manifest: Manifest;
  readonly deadline: number;
  readonly tell: ProgressListener;
  readonly names: RunNames;
  readonly serverVersion: number;
  /** Whether the guaranteed workload of the running application is planned before each commit. */
  readonly guarded: boolean;
  readonly workloadDays: number;
  readonly guardTimeMs: number;
  /** When this slice began, in milliseconds since the epoch. */
  readonly began: number;
  readonly extend: (untilMs: number) => void;
  readonly begunAt?: string;
  /** Files of the folder that another tool has applied, according to its ledger. */
  readonly elsewhere: readonly FilesAppliedElsewhere[];
  /** Ledger rows by migration name, as this run last read or wrote them. */
  readonly known: Map<string, KnownRow>;
  /**
   * Totals of partially applied migrations: the time that earlier slices and runs took, and the rows that an
   * unfinished batch has changed.
   */
  readonly doneBefore: ReadonlyMap<string, { readonly durationMs: number; readonly rowsChanged: number }>;
  readonly applied: Set<string>;
  /** Migrations that an earlier slice or deployment ran, and that this one verified or recorded without verifying. */
  readonly finished: Set<string>;
  readonly baselined: Set<string>;
  /** Applied migrations whose edited text this run recorded. */
  readonly recordedEdits: Set<string>;
  /** Applied migrations whose edited text was accepted in advance; a later deployment brings that text. */
  readonly approvedEdits: Set<string>;
  /** The new file that `baseline --new` or `--was` names in this run. */
  readonly declared?: string;
  /** Migrations that a baseline could not record, with the reasons. */
  readonly unmarked: Map<string, string>;
  readonly undone: Set<string>;
  readonly kept: KeptMigration[];
  readonly warnings: string[];
}

export function beginRun(
  db: Database,
  ctx: EngineContext,
  ledger: Ledger,
  request: ConvergeRequest,
  asked: ForeignLedgerResult = { elsewhere: [], warnings: [] },
): Run {
  return {
    db,
    manifest: ctx.manifest,
    // Read from the context each time, because an interruption makes the deadline earlier.
    get deadline() {
      return ctx.deadline;
    },
    tell: ctx.progress ?? (() => {}),
    names: {
      namespace: request.namespace,
      deployment: request.id,
      ownerRole: request.ownerRole ?? null,
      schemas: resolveSchemas(ledger, request),
    },
    serverVersion: ledger.server.versionNumber,
    guarded: isGuarded(request) && ledger.runningWorkload != null,
    workloadDays: ctx.workloadDays ?? 0,
    guardTimeMs: ctx.guardTimeMs ?? DEFAULT_GUARD_TIME_MS,
    began: Date.now(),
    extend: ctx.extend ?? (() => {}),
    begunAt: ctx.begun?.at,
    elsewhere: asked.elsewhere,
    known: new Map(ledger.migrations.map((row) => [row.name, toKnownRow(row)])),
    doneBefore: new Map(
      ledger.migrations
        .filter(({ state }) => state === 'partial' || state === 'unverified')
        .map(({ name, durationMs, rowsChanged }) => [name, { durationMs, rowsChanged: rowsChanged ?? 0 }]),
    ),
    applied: new Set(),
    finished: new Set(),
    baselined: new Set(),
    recordedEdits: new Set(),
    approvedEdits: new Set(),
    ...(request.declared ? { declared: request.declared.name } : {}),
    unmarked: new Map(),
    undone: new Set(),
    kept: [],
    warnings: [...asked.warnings, ...warnOfMissingWorkload(ledger, request, ctx.manifest)],
  };
}

/** Ends the slice while work remains; the outcome is `continue`. */
export class DeadlineReachedError extends Error {
  override readonly name = 'DeadlineReachedError';
  constructor(
    readonly progress: string,
    readonly waitingFor?: ErrorInfo,
  ) {
    super(progress);
  }
}

/**
 * Another runner wrote the migration's row in the meantime, although the runner lock should have prevented it. The transaction was rolled back; the ledger must be read again.
 */
export class ConcurrentRunnerError extends Error {
  override readonly name = 'ConcurrentRunnerError';
  constructor(readonly migration: string) {
    super(`another runner has changed what the ledger says of ${migration}`);
  }
}
