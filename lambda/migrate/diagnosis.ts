/** What the pager asks: the catalogue and the ledger, read only, each statement under a short limit. */
import type { Diagnosis, DiagnosisQuestion } from '../defects/defect';
import { diagnose, undiagnosed } from '../defects/diagnose';
import { status } from '../engine';
import type { Manifest } from '../engine/manifest';
import type { Status } from '../engine/views';
import type { Database } from '../postgres/database';

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

/** Answers every question, in order. @throws {ConnectionLost} when the database cannot be reached at all */
export async function answerQuestions(
  questions: readonly DiagnosisQuestion[],
  context: DiagnosisContext,
): Promise<readonly Diagnosis[]> {
  const connection = await context.connect();
  try {
    const db = await forCatalogue(connection, STATEMENT_TIMEOUT_MS);
    const known = { manifest: context.manifest, status: await statusOrNull(context) };
    const answers: Diagnosis[] = [];
    for (const question of questions) {
      answers.push(
        Date.now() + MARGIN_MS < context.deadline
          ? await diagnose(db, question, known)
          : undiagnosed(question, ['There was no time left to look into the database.']),
      );
    }
    return answers;
  } finally {
    await connection.close();
  }
}

/** Nothing that others can put into a schema on the role's path is called in place of the server's own. */
const SEARCH_PATH = 'pg_catalog, pg_temp';

/**
 * For reading the catalogue, each statement under a limit where the transport has a session. The Data API has a limit of
 * its own, 45 seconds a call; without a session each query brings its search_path along.
 */
export async function forCatalogue(db: Database, timeoutMs: number): Promise<Database> {
  if (db.capabilities.session) {
    await db.query(
      "SELECT pg_catalog.set_config('statement_timeout', $1, false), pg_catalog.set_config('search_path', $2, false)",
      [String(timeoutMs), SEARCH_PATH],
    );
    return db;
  }
  const query: Database['query'] = (sql, params, settings) =>
    db.query(sql, params, { search_path: SEARCH_PATH, ...settings });
  return Object.assign(Object.create(db) as Database, { query });
}

async function statusOrNull(context: DiagnosisContext): Promise<Status | null> {
  try {
    const deadline = Math.min(context.deadline - MARGIN_MS, Date.now() + 2 * PATIENCE_MS);
    return await status({ ...context, deadline, connectPatienceMs: PATIENCE_MS }, context.namespace);
  } catch {
    return null;
  }
}
