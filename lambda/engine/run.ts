/** What one run of the engine carries along, and how it stops before it is done. */

import type { ConvergeRequest, Kept, Progress } from '../contract/converge';
import type { ErrorInfo } from '../contract/errors';
import type { Manifest } from '../contract/manifest';
import type { Database } from '../postgres/database';
import type { Names } from './apply/names';
import type { Asked } from './elsewhere';
import { guards } from './guard/statements';
import type { Ledger } from './ledger/ledger';
import { type Known, knownOf } from './ledger/rows';
import type { Elsewhere } from './plan/other-tools';
import { schemasOf } from './schemas';

export interface EngineContext {
  /** Opens a connection to the writer; one attempt. */
  readonly connect: () => Promise<Database>;
  readonly manifest: Manifest;
  /** Milliseconds since the epoch: when this slice has to have answered. */
  readonly deadline: number;
  readonly progress?: Progress;
  /** How long a database that does not answer is waited for. @default - 60,000 ms */
  readonly connectPatienceMs?: number;
  /** How much of that is over already when this begins. @default 0 */
  readonly connectWaitedMs?: number;
  /** Live statements that ran within so many days are guarded whatever was deployed since. @default 0 */
  readonly workloadDays?: number;
}

/** One run on one connection. The lists are what this slice did. */
export interface Run {
  readonly db: Database;
  readonly manifest: Manifest;
  readonly deadline: number;
  readonly tell: Progress;
  readonly names: Names;
  readonly serverVersion: number;
  /** The running application promises statements: they are planned before each commit. */
  readonly guarded: boolean;
  readonly workloadDays: number;
  /** Files of the folder that another tool has applied, as its ledger says. */
  readonly elsewhere: readonly Elsewhere[];
  /** The ledger's rows by name, as this run last saw or wrote them. */
  readonly known: Map<string, Known>;
  readonly applied: Set<string>;
  /** Carried out by an earlier slice or deployment, proved, or recorded without a proof, by this one. */
  readonly finished: Set<string>;
  readonly baselined: Set<string>;
  /** Applied before, in another text than the one that is recorded now. */
  readonly accepted: Set<string>;
  /** The same of a text that the next deployment brings. */
  readonly acceptedLater: Set<string>;
  /** What a baseline could not record, and why. */
  readonly unmarked: Map<string, string>;
  readonly undone: Set<string>;
  readonly kept: Kept[];
  readonly warnings: string[];
}

export function beginRun(
  db: Database,
  ctx: EngineContext,
  ledger: Ledger,
  request: ConvergeRequest,
  asked: Asked = { elsewhere: [], warnings: [] },
): Run {
  return {
    db,
    manifest: ctx.manifest,
    // Asked for each time: whoever is interrupted brings it forward.
    get deadline() {
      return ctx.deadline;
    },
    tell: ctx.progress ?? (() => {}),
    names: {
      namespace: request.namespace,
      deployment: request.id,
      ownerRole: request.ownerRole ?? null,
      schemas: schemasOf(ledger, request),
    },
    serverVersion: ledger.server.versionNumber,
    guarded: guards(request) && ledger.promise != null,
    workloadDays: ctx.workloadDays ?? 0,
    elsewhere: asked.elsewhere,
    known: new Map(ledger.migrations.map((row) => [row.name, knownOf(row)])),
    applied: new Set(),
    finished: new Set(),
    baselined: new Set(),
    accepted: new Set(),
    acceptedLater: new Set(),
    unmarked: new Map(),
    undone: new Set(),
    kept: [],
    warnings: [...asked.warnings],
  };
}

/** The slice is over, the work is not: the answer is *continue*. */
export class NotYet extends Error {
  override readonly name = 'NotYet';
  constructor(
    readonly progress: string,
    readonly waitingFor?: ErrorInfo,
  ) {
    super(progress);
  }
}

/**
 * Another runner has written the migration's row meanwhile, although the lock between runners should have kept it out.
 * Nothing of the transaction was kept; the ledger is to be read again.
 */
export class Overtaken extends Error {
  override readonly name = 'Overtaken';
  constructor(readonly migration: string) {
    super(`another runner has changed what the ledger says of ${migration}`);
  }
}
