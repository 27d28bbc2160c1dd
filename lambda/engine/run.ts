/** What one run of the engine carries along, and how it stops before it is done. */
import type { Database } from '../postgres/database';
import type { ErrorInfo } from './errors';
import type { Ledger } from './ledger';
import type { Manifest } from './manifest';
import type { ConvergeRequest, Kept, Progress } from './request';
import type { Names } from './script';

export interface EngineContext {
  /** Opens a connection to the writer; one attempt. */
  readonly connect: () => Promise<Database>;
  readonly manifest: Manifest;
  /** Milliseconds since the epoch: when this slice has to have answered. */
  readonly deadline: number;
  readonly progress?: Progress;
  /** How long a database that does not answer is waited for. @default - 30,000 ms */
  readonly connectPatienceMs?: number;
}

/** One run on one connection. The lists are what this slice did. */
export interface Run {
  readonly db: Database;
  readonly manifest: Manifest;
  readonly deadline: number;
  readonly tell: Progress;
  readonly names: Names;
  readonly serverVersion: number;
  readonly applied: Set<string>;
  /** Carried out by an earlier slice or deployment, proved or settled by this one. */
  readonly settled: Set<string>;
  readonly baselined: Set<string>;
  /** What a baseline could not record, and why. */
  readonly unmarked: Map<string, string>;
  readonly undone: Set<string>;
  readonly kept: Kept[];
  readonly warnings: string[];
}

export function beginRun(db: Database, ctx: EngineContext, ledger: Ledger, request: ConvergeRequest): Run {
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
    },
    serverVersion: ledger.server.versionNumber,
    applied: new Set(),
    settled: new Set(),
    baselined: new Set(),
    unmarked: new Map(),
    undone: new Set(),
    kept: [],
    warnings: [],
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
