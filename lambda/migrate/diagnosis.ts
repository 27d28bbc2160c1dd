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
  const db = await context.connect();
  try {
    await limitStatements(db, STATEMENT_TIMEOUT_MS);
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
    await db.close();
  }
}

/** Where the transport has a session. The Data API has a limit of its own, 45 seconds a call. */
export async function limitStatements(db: Database, timeoutMs: number): Promise<void> {
  if (!db.capabilities.session) return;
  await db.query(`SELECT set_config('statement_timeout', $1, false)`, [String(timeoutMs)]);
}

async function statusOrNull(context: DiagnosisContext): Promise<Status | null> {
  try {
    const deadline = Math.min(context.deadline - MARGIN_MS, Date.now() + 2 * PATIENCE_MS);
    return await status({ ...context, deadline, connectPatienceMs: PATIENCE_MS }, context.namespace);
  } catch {
    return null;
  }
}
