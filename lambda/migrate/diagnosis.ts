/** What the pager asks: the catalogue and the ledger, read only, each statement under a short limit. */
import type { Diagnosis, DiagnosisQuestion } from '../contract/diagnosis';
import type { Manifest } from '../contract/manifest';
import { diagnoseAll } from '../defects/diagnose';
import { statusOrNull } from '../engine/status';
import { withDatabase } from '../engine/time/session';
import type { Database } from '../postgres/database';
import { PINNED_PATH } from '../postgres/pinned';

export interface DiagnosisContext {
  readonly namespace: string;
  readonly manifest: Manifest;
  /** Opens a connection that cannot write. */
  readonly connect: () => Promise<Database>;
  /** Milliseconds since the epoch. */
  readonly deadline: number;
}

const STATEMENT_TIMEOUT_MS = 5_000;
/** Kept for the answer. */
const MARGIN_MS = 1_000;
/** Somebody waits for this answer: a database that does not answer is not waited for long. */
const PATIENCE_MS = 5_000;

/** Answers every question, in order, over one connection. @throws {TrueupError} when the database cannot be reached at all */
export async function answerQuestions(
  questions: readonly DiagnosisQuestion[],
  context: DiagnosisContext,
): Promise<readonly Diagnosis[]> {
  return withDatabase({ ...context, connectPatienceMs: PATIENCE_MS }, (session) =>
    onCatalogue(session, STATEMENT_TIMEOUT_MS, async (db) => {
      const { manifest, namespace, deadline } = context;
      const known = { manifest, status: await statusOrNull(session, context, namespace) };
      return diagnoseAll(db, questions, known, deadline - MARGIN_MS);
    }),
  );
}

/**
 * For reading the catalogue: nothing of anybody's schemas is called, and each statement is under a limit where the
 * transport has a session. The Data API has a limit of its own, 45 seconds a call; without a session each query brings
 * its search_path along.
 */
export async function onCatalogue<T>(
  session: Database,
  timeoutMs: number,
  work: (db: Database) => Promise<T>,
): Promise<T> {
  if (!session.capabilities.session) {
    const query: Database['query'] = (sql, params, settings) =>
      session.query(sql, params, { search_path: PINNED_PATH, ...settings });
    return work(Object.assign(Object.create(session) as Database, { query }));
  }
  await session.query(
    "SELECT pg_catalog.set_config('statement_timeout', $1, false), pg_catalog.set_config('search_path', $2, false)",
    [String(timeoutMs), PINNED_PATH],
  );
  const answer = await work(session);
  // What comes after in this session means its names as the role does.
  await session.query('RESET statement_timeout');
  await session.query('RESET search_path');
  return answer;
}
