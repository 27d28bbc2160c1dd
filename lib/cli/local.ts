/** The engine in this process, against a database that can be reached from here. */
import { converge, down, plan, status, verify } from '../../lambda/engine';
import type { Manifest } from '../../lambda/engine/manifest';
import type { ConvergeRequest, Outcome, Progress } from '../../lambda/engine/request';
import type { EngineContext } from '../../lambda/engine/run';
import { ConnectionLost } from '../../lambda/postgres/database';
import { connectPg } from '../../lambda/postgres/pg';
import type { Target } from './connection';
import { explainConnection } from './connection-error';
import { requireMigration } from './folder';
import type { Operations } from './operations';
import { newRequestId, type Slice } from './until-done';

export interface LocalOptions {
  readonly target: Target;
  readonly manifest: Manifest;
  readonly namespace: string;
  readonly ownerRole?: string;
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
    get deadline() {
      return slice.deadline;
    },
  });
  const question = (): EngineContext => context({ deadline: Date.now() + QUESTION_MS });
  const request = (id: string): ConvergeRequest => ({
    id,
    namespace,
    owner: null,
    direction: 'forward',
    manifestHash: manifest.hash,
    ownerRole: ownerRole ?? null,
  });
  return {
    label: `${namespace} on ${options.target.label}`,
    status: () => status(question(), namespace),
    plan: () => plan(question(), request(newRequestId())),
    verify: () => verify(question(), namespace, ownerRole ?? null),
    up: (slice) => converge(context(slice), request(slice.id)),
    baseline: async (upTo, slice) => {
      requireMigration(manifest, upTo);
      return converge(context(slice), { ...request(slice.id), baseline: upTo, baselineOnly: true });
    },
    down: (name, slice) =>
      down(context(slice), { id: slice.id, namespace, owner: null, name, ownerRole: ownerRole ?? null }),
  };
}

/** The first connection fails at once and in words for a person; one that is lost later is waited for by the engine. */
export function connector(target: Target): EngineContext['connect'] {
  let connected = false;
  return async () => {
    try {
      const db = await connectPg(target.pg);
      connected = true;
      return db;
    } catch (error) {
      if (!(error instanceof ConnectionLost) || connected || isStarting(error)) throw error;
      throw explainConnection(error, target);
    }
  };
}

/** cannot_connect_now: the server starts up or shuts down (https://www.postgresql.org/docs/current/errcodes-appendix.html). */
const isStarting = (error: ConnectionLost): boolean => error.reason === '57P03';
