/** Everything applied to an empty PostgreSQL of our own, and proved there. */
import type { Manifest } from '../../lambda/engine/manifest';
import type { Outcome } from '../../lambda/engine/request';
import type { Verification } from '../../lambda/engine/views';
import type { PostgresServer } from '../local/postgres-server';
import type { Target } from './connection';
import { localOperations } from './local';
import { withOwnServer } from './own-server';
import { progressView } from './progress';
import type { Terminal } from './terminal';
import { newRequestId, untilDone } from './until-done';

export interface Trial {
  readonly serverVersion: string;
  readonly outcome: Outcome;
  /** Null when not everything could be applied. */
  readonly verification: Verification | null;
}

const TRIAL_TIMEOUT_MS = 15 * 60_000;

export async function tryOnScratch(
  terminal: Terminal,
  manifest: Manifest,
  namespace: string,
  major?: number,
): Promise<Trial> {
  return withOwnServer(terminal, { major }, async (server, own) => {
    const progress = progressView(own);
    const target = serverTarget(server);
    const operations = localOperations({ target, manifest, namespace, progress: progress.report });
    return progress.during(async () => {
      const limits = { id: newRequestId(), timeoutMs: TRIAL_TIMEOUT_MS };
      const { outcome } = await untilDone((slice) => operations.up(slice), limits);
      const { serverVersion } = await operations.status();
      const verification = outcome.status === 'done' ? await operations.verify() : null;
      return { serverVersion, outcome, verification };
    });
  });
}

/**
 * A database of a server of our own.
 * @param roots PEM of its authority, where it speaks TLS
 */
export function serverTarget(server: PostgresServer, database = 'postgres', roots?: string): Target {
  const { host, port, superuser, password } = server;
  return {
    pg: { host, port, user: superuser, password, database, ssl: roots === undefined ? false : { ca: roots } },
    label: `${superuser}@${host}:${port}/${database}`,
  };
}
