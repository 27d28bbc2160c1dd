/**
 * Names the defect behind an error of the log: looks into the catalogue, read only, and says which migration repairs it.
 * What could not be seen is said, never guessed.
 */
import type { Diagnosis, DiagnosisQuestion, LastDeployment } from '../contract/diagnosis';
import { type Database, SqlError } from '../postgres/database';
import { diagnoseDuplicateKey } from './diagnosis/duplicate-key';
import type { Found } from './diagnosis/finding';
import { diagnoseKeyTypes } from './diagnosis/key-types';
import { diagnoseNotNull } from './diagnosis/not-null';
import { diagnoseOnConflict } from './diagnosis/on-conflict';
import { diagnoseUuidFunction } from './diagnosis/uuid-function';
import { kindsOf } from './index';
import { missingConflictTarget } from './kinds/missing-conflict-target';
import { type KnownMigrations, predicateToAdd, repairingMigrations } from './migrations';
import { isSignatureId, type SignatureId, signatureOf } from './signatures';

/** Kinds with the same words are told apart by one look. A signature without one does not compile. */
const BY_SIGNATURE: Readonly<
  Record<SignatureId, (db: Database, question: DiagnosisQuestion) => Promise<Found>>
> = {
  'not-null': diagnoseNotNull,
  'on-conflict': diagnoseOnConflict,
  'uuid-function': diagnoseUuidFunction,
  'key-types': diagnoseKeyTypes,
  'duplicate-key': diagnoseDuplicateKey,
};

/**
 * @param known null where no folder of migrations is at hand
 * @throws {ConnectionLost} when the connection is gone; what the server refuses is part of the answer
 */
export async function diagnose(
  db: Database,
  question: DiagnosisQuestion,
  known: KnownMigrations | null,
): Promise<Diagnosis> {
  const { signature } = question;
  if (!isSignatureId(signature))
    return undiagnosed(question, [`This version does not know the error ${signature}.`]);
  try {
    const [here] = await db.query<{ name: string }>('SELECT current_database() AS name');
    if (question.database !== '' && here?.name !== question.database) {
      return undiagnosed(question, [
        `The error is from the database ${question.database}, but this one is ${here?.name}.`,
      ]);
    }
    return concluded(await BY_SIGNATURE[signature](db, question), known, question.last);
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    return undiagnosed(question, [`The catalogue could not be read (SQLSTATE ${error.sqlstate}).`]);
  }
}

/**
 * Every question, in order, one after the other over one connection.
 * @param deadline milliseconds since the epoch, after which the catalogue is not asked any more. @default - none
 * @throws {ConnectionLost} when the connection is gone
 */
export async function diagnoseAll(
  db: Database,
  questions: readonly DiagnosisQuestion[],
  known: KnownMigrations | null,
  deadline = Number.POSITIVE_INFINITY,
): Promise<readonly Diagnosis[]> {
  const answers: Diagnosis[] = [];
  for (const question of questions) {
    answers.push(
      Date.now() < deadline
        ? await diagnose(db, question, known)
        : undiagnosed(question, ['No time was left to query the database.']),
    );
  }
  return answers;
}

function concluded(found: Found, known: KnownMigrations | null, lastError: string | undefined): Diagnosis {
  const { kind, object } = found;
  const migrations =
    kind === null || known === null ? null : repairingMigrations(kind, object, known, lastError);
  const toAdd =
    kind === missingConflictTarget && migrations !== null ? predicateToAdd(object, migrations, known!) : null;
  const repair = found.repair ?? kind?.repair(object) ?? { words: '', sql: [] };
  return {
    kind: kind?.id ?? null,
    case: found.case,
    verdict: found.verdict,
    subject: found.subject,
    cause: found.cause,
    repair: toAdd === null ? repair : { ...repair, words: `${repair.words} ${toAdd}` },
    migrations,
    unseen: [...found.unseen, ...(known?.status === null ? [NO_LEDGER] : [])],
    check: found.verdict === 'schema' ? (kind?.verification(object) ?? null) : null,
    deployment: lastDeployment(known),
  };
}

function lastDeployment(known: KnownMigrations | null): LastDeployment | null {
  if (known?.status?.lastDeployment == null) return null;
  const { outcome, startedAt, finishedAt } = known.status.lastDeployment;
  return { outcome, startedAt, finishedAt };
}

const NO_LEDGER = 'The ledger could not be read, so it is not known which migrations are applied.';

/** What can be said without the catalogue: the kinds that raise these words. */
export function undiagnosed(
  question: Pick<DiagnosisQuestion, 'signature'>,
  unseen: readonly string[],
): Diagnosis {
  const signature = signatureOf(question.signature);
  const kinds = signature === null ? [] : kindsOf(signature);
  return {
    kind: kinds.length === 1 ? kinds[0]!.id : null,
    case: null,
    verdict: null,
    subject: null,
    cause: [],
    repair: { words: '', sql: [] },
    migrations: null,
    unseen,
  };
}
