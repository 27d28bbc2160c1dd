/**
 * Answers the pager's questions from the catalog and the ledger. It is read-only, and each statement has a short
 * timeout.
 */
import type { Diagnosis, DiagnosisRequest } from '../contract/diagnosis';
import type { Manifest } from '../contract/manifest';
import { diagnoseAll } from '../defects/diagnose';
import { tryReadStatus } from '../engine/read-status';
import { withDatabase } from '../engine/time/session';
import type { Database } from '../postgres/database';
import { PINNED_SEARCH_PATH } from '../postgres/pinned-search-path';

export interface DiagnosisContext {
  readonly namespace: string;
  readonly manifest: Manifest;
  /** Opens a read-only connection. */
  readonly connect: () => Promise<Database>;
  /** Time by which the answers must be ready, in milliseconds since the epoch. */
  readonly deadline: number;
}

const STATEMENT_TIMEOUT_MS = 5_000;
/** Time reserved for the response. */
const MARGIN_MS = 1_000;
/** Maximum wait for the database. It is short because a page is waiting for the answer. */
const CONNECT_PATIENCE_MS = 5_000;

/** Answers all questions in order over one connection. @throws {TrueupError} if the database cannot be reached */
export async function answerQuestions(
  questions: readonly DiagnosisRequest[],
  context: DiagnosisContext,
): Promise<readonly Diagnosis[]> {
  return withDatabase({ ...context, connectPatienceMs: CONNECT_PATIENCE_MS }, (session) =>
    withCatalogReads(session, STATEMENT_TIMEOUT_MS, async (db) => {
      const { manifest, namespace, deadline } = context;
      const known = { manifest, status: await tryReadStatus(session, context, namespace) };
      return diagnoseAll(db, questions, known, deadline - MARGIN_MS);
    }),
  );
}

/**
 * Runs catalog queries with a pinned search path, so that no function of a user's schema is called. Each statement has
 * a timeout if the transport has sessions. The Data API has its own limit of 45 seconds per call.
 */
export async function withCatalogReads<T>(
  session: Database,
  timeoutMs: number,
  work: (db: Database) => Promise<T>,
): Promise<T> {
  const { session: hasSession } = session.capabilities;
  const always = {
    search_path: PINNED_SEARCH_PATH,
    ...(hasSession ? { statement_timeout: String(Math.ceil(timeoutMs)) } : {}),
  };
  const query: Database['query'] = (sql, params, settings) =>
    session.query(sql, params, { ...always, ...settings });
  return work(Object.assign(Object.create(session) as Database, { query }));
}
