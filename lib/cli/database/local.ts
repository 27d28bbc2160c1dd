/** The engine in this process, against a database that can be reached from here. */

import type { ConvergeRequest, Outcome, Progress } from '../../../lambda/contract/converge';
import type { Manifest } from '../../../lambda/contract/manifest';
import { converge, down, plan, status, verify } from '../../../lambda/engine';
import { withOwnWords } from '../../../lambda/engine/apply/failures';
import type { EngineContext } from '../../../lambda/engine/run';
import { ConnectionLost } from '../../../lambda/postgres/database';
import { connectPg } from '../../../lambda/postgres/pg';
import { requireMigration } from '../folder';
import type { Operations } from '../operations';
import { newRequestId, type Slice } from '../until-done';
import type { ConnectionTarget } from './connection';
import { explainConnection } from './connection-error';

export interface LocalOptions {
  readonly target: ConnectionTarget;
  readonly manifest: Manifest;
  readonly namespace: string;
  /** Somebody said it, and so meant it; else it is the folder's name. @default false */
  readonly namespaceGiven?: boolean;
  readonly ownerRole?: string;
  /** See {@link EngineContext.workloadDays}. */
  readonly workloadDays?: number;
  readonly progress?: Progress;
}

export interface LocalOperations extends Operations {
  up(slice: Slice): Promise<Outcome>;
}

/** How long a question may take, connecting included. */
const QUESTION_MS = 5 * 60_000;

export function localOperations(options: LocalOptions): LocalOperations {
  const { manifest, namespace, ownerRole } = options;
  const connect = connector(options.target);
  const context = (slice: Pick<Slice, 'deadline'>): EngineContext => ({
    connect,
    manifest,
    progress: options.progress,
    workloadDays: options.workloadDays,
    get deadline() {
      return slice.deadline;
    },
  });
  const question = (): EngineContext => context({ deadline: Date.now() + QUESTION_MS });
  const request = (id: string): ConvergeRequest => ({
    id,
    namespace,
    ...(options.namespaceGiven ? {} : { beside: [] }),
    owner: null,
    direction: 'forward',
    manifestHash: manifest.hash,
    ownerRole: ownerRole ?? null,
  });
  return {
    label: `${namespace} on ${options.target.label}`,
    status: () => status(question(), namespace, ownerRole ?? null),
    plan: () => plan(question(), request(newRequestId())),
    verify: async () => {
      const verification = await verify(question(), namespace, ownerRole ?? null);
      return { ...verification, errors: verification.errors.map(withOwnWords) };
    },
    up: async (slice) => shown(await converge(context(slice), request(slice.id))),
    baseline: async (upTo, slice) => {
      requireMigration(manifest, upTo);
      const asked = { ...request(slice.id), baseline: upTo, baselineOnly: true };
      return shown(await converge(context(slice), asked));
    },
    down: async (name, slice) => {
      const asked = { id: slice.id, namespace, owner: null, name, ownerRole: ownerRole ?? null };
      return shown(await down(context(slice), asked));
    },
  };
}

/** What the database's own code raised, which an outcome never holds, is for whoever sits here. */
const shown = (outcome: Outcome): Outcome =>
  outcome.status === 'failed' ? { ...outcome, error: withOwnWords(outcome.error) } : outcome;

/** The first connection fails at once and in words for a person; one that is lost later is waited for by the engine. */
export function connector(
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
      if (!(error instanceof ConnectionLost) || connected || willPass(error)) throw error;
      throw explainConnection(error, target);
    }
  };
}

/**
 * cannot_connect_now: the server starts up or shuts down; too_many_connections: one may be free in a moment
 * (https://www.postgresql.org/docs/current/errcodes-appendix.html). The engine asks again until the time is spent.
 */
const willPass = (error: ConnectionLost): boolean => error.reason === '57P03' || error.reason === '53300';
