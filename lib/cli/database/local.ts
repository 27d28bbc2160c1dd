/** Runs the engine in this process, against a database that can be reached from here. */

import type { ConvergeOutcome, ConvergeRequest, ProgressListener } from '../../../lambda/contract/converge';
import type { Manifest } from '../../../lambda/contract/manifest';
import { converge, down, forgetBaseline, plan, readStatus, verify } from '../../../lambda/engine';
import { appendRaisedMessage } from '../../../lambda/engine/apply/failures';
import type { EngineContext } from '../../../lambda/engine/run';
import { ConnectionLostError } from '../../../lambda/postgres/database';
import { connectPg } from '../../../lambda/postgres/pg';
import { requireMigration } from '../folder';
import type { Operations } from '../operations';
import { newRequestId, type TimeSlice } from '../until-done';
import type { ConnectionTarget } from './connection';
import { toConnectionError } from './connection-error';

export interface LocalOptions {
  readonly target: ConnectionTarget;
  readonly manifest: Manifest;
  readonly namespace: string;
  /**
   * Whether the user gave the namespace; otherwise it is the folder's name.
   * @default false
   */
  readonly namespaceGiven?: boolean;
  readonly ownerRole?: string;
  /**
   * Schemas of a tenant that has its own schema: see `ConvergeRequest.schemas`.
   * @default - the schemas that the ledger has recorded
   */
  readonly schemas?: readonly string[];
  /** See {@link EngineContext.workloadDays}. */
  readonly workloadDays?: number;
  /** See {@link EngineContext.guardTimeMs}. */
  readonly guardTimeMs?: number;
  /** See {@link EngineContext.measures}. */
  readonly measures?: boolean;
  readonly progress?: ProgressListener;
}

export interface LocalOperations extends Operations {
  up(slice: TimeSlice): Promise<ConvergeOutcome>;
  /** Removes what a baseline recorded for this migration and for newer ones. */
  forgetBaseline(name: string, slice: TimeSlice): Promise<ConvergeOutcome>;
}

/** Limit for `status`, `plan` and `verify`, including the connection. */
const QUERY_TIMEOUT_MS = 5 * 60_000;

export function createLocalOperations(options: LocalOptions): LocalOperations {
  const { manifest, namespace, ownerRole } = options;
  const connect = createConnector(options.target);
  const reading = createConnector({ ...options.target, pg: { ...options.target.pg, readOnly: true } });
  // Shared by all slices, because the whole process is one run.
  const begun: EngineContext['begun'] = {};
  const context = (slice: Pick<TimeSlice, 'deadline'> & Partial<TimeSlice>): EngineContext => ({
    connect,
    manifest,
    progress: options.progress,
    workloadDays: options.workloadDays,
    guardTimeMs: options.guardTimeMs,
    extend: slice.extend,
    begun,
    get deadline() {
      return slice.deadline;
    },
  });
  const question = (): EngineContext => ({
    ...context({ deadline: Date.now() + QUERY_TIMEOUT_MS }),
    measures: options.measures,
    connect: reading,
  });
  const request = (id: string): ConvergeRequest => ({
    id,
    namespace,
    ...(options.namespaceGiven ? {} : { otherNamespaces: [] }),
    owner: null,
    direction: 'forward',
    manifestHash: manifest.hash,
    ownerRole: ownerRole ?? null,
    ...(options.schemas === undefined ? {} : { schemas: options.schemas }),
  });
  return {
    label: `${namespace} on ${options.target.label}`,
    status: () => readStatus(question(), namespace, ownerRole ?? null),
    plan: () => plan(question(), request(newRequestId())),
    verify: async () => {
      const verification = await verify(question(), namespace, ownerRole ?? null);
      return { ...verification, errors: verification.errors.map(appendRaisedMessage) };
    },
    up: async (slice) => {
      const asked = { ...request(slice.id), workload: manifest.workload?.hash ?? null };
      return revealOwnError(await converge(context(slice), asked));
    },
    baseline: async (upTo, slice) => {
      // A name that no file has may be an older one of a renamed file: the ledger knows.
      if (!manifest.migrations.some(({ name }) => name === upTo))
        requireMigration(await readStatus(question(), namespace, ownerRole ?? null), upTo);
      const asked = { ...request(slice.id), baseline: upTo, baselineOnly: true };
      return revealOwnError(await converge(context(slice), asked));
    },
    declare: async (declared, slice) => {
      requireMigration(manifest, declared.name);
      const asked = { ...request(slice.id), declared, baselineOnly: true };
      return revealOwnError(await converge(context(slice), asked));
    },
    forgetBaseline: async (name, slice) => {
      const asked = { id: slice.id, namespace, owner: null, name, ownerRole: ownerRole ?? null };
      return revealOwnError(await forgetBaseline(context(slice), asked));
    },
    down: async (name, slice) => {
      const asked = { id: slice.id, namespace, owner: null, name, ownerRole: ownerRole ?? null };
      return revealOwnError(await down(context(slice), asked));
    },
  };
}

/**
 * Adds the messages that the database's own code raised. An outcome never contains them, but the user at this terminal
 * may see them.
 */
const revealOwnError = (outcome: ConvergeOutcome): ConvergeOutcome =>
  outcome.status === 'failed' ? { ...outcome, error: appendRaisedMessage(outcome.error) } : outcome;

/**
 * Wraps `open` so that the first connection fails at once with an explanation. If a connection is lost later, the
 * engine waits for the server.
 */
export function createConnector(
  target: ConnectionTarget,
  open: EngineContext['connect'] = () => connectPg(target.pg),
): EngineContext['connect'] {
  let connected = false;
  return async () => {
    try {
      const db = await open();
      connected = true;
      return db;
    } catch (error) {
      if (!(error instanceof ConnectionLostError) || connected || isTransientError(error)) throw error;
      throw toConnectionError(error, target);
    }
  };
}

/**
 * Tells whether the engine should retry. cannot_connect_now: the server is starting or shutting down;
 * too_many_connections: one may be free in a moment (https://www.postgresql.org/docs/current/errcodes-appendix.html).
 * The engine retries until its time is up.
 */
const isTransientError = (error: ConnectionLostError): boolean =>
  error.reason === '57P03' || error.reason === '53300';
