/**
 * Finds the cause of an error in the log with read-only queries on the catalog, and selects the migration that
 * repairs it. A cause that could not be determined is listed as such, not guessed.
 */
import type { Diagnosis, DiagnosisRequest, LastDeployment } from '../contract/diagnosis';
import { type Database, SqlError } from '../postgres/database';
import { diagnoseDuplicateKey } from './diagnosis/duplicate-key';
import type { DiagnosisFinding } from './diagnosis/finding';
import { diagnoseKeyTypes } from './diagnosis/key-types';
import { diagnoseNotNull } from './diagnosis/not-null';
import { diagnoseOnConflict } from './diagnosis/on-conflict';
import { diagnoseUuidFunction } from './diagnosis/uuid-function';
import { listKindsOfSignature } from './index';
import { missingConflictTarget } from './kinds/missing-conflict-target';
import { findPredicateToAdd, findRepairingMigrations, type KnownMigrations } from './migrations';
import { findSignature, isSignatureId, type SignatureId } from './signatures';

/**
 * One function for each error pattern distinguishes the checks that share it. A pattern without one does not compile.
 */
const DIAGNOSE_BY_SIGNATURE: Readonly<
  Record<SignatureId, (db: Database, question: DiagnosisRequest) => Promise<DiagnosisFinding>>
> = {
  'not-null': diagnoseNotNull,
  'on-conflict': diagnoseOnConflict,
  'uuid-function': diagnoseUuidFunction,
  'key-types': diagnoseKeyTypes,
  'duplicate-key': diagnoseDuplicateKey,
};

/**
 * Diagnoses one error.
 * @param known null if there is no folder of migrations
 * @throws {ConnectionLostError} if the connection was lost; an error of the server becomes part of the answer
 */
export async function diagnose(
  db: Database,
  question: DiagnosisRequest,
  known: KnownMigrations | null,
): Promise<Diagnosis> {
  const { signature } = question;
  if (!isSignatureId(signature))
    return buildUndiagnosed(question, [
      `This version of Trueup does not know the error pattern ${signature}.`,
    ]);
  try {
    const [here] = await db.query<{ name: string }>('SELECT current_database() AS name');
    if (question.database !== '' && here?.name !== question.database) {
      return buildUndiagnosed(question, [
        `The error is from the database ${question.database}, but this one is ${here?.name}.`,
      ]);
    }
    return buildDiagnosis(await DIAGNOSE_BY_SIGNATURE[signature](db, question), known, question.last);
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    return buildUndiagnosed(question, [`The catalog could not be read (SQLSTATE ${error.sqlstate}).`]);
  }
}

/**
 * Diagnoses all questions in order, one after the other on one connection.
 * @param deadline milliseconds since the epoch, after which no more queries are run. @default - none
 * @throws {ConnectionLostError} if the connection was lost
 */
export async function diagnoseAll(
  db: Database,
  questions: readonly DiagnosisRequest[],
  known: KnownMigrations | null,
  deadline = Number.POSITIVE_INFINITY,
): Promise<readonly Diagnosis[]> {
  const answers: Diagnosis[] = [];
  for (const question of questions) {
    answers.push(
      Date.now() < deadline
        ? await diagnose(db, question, known)
        : buildUndiagnosed(question, [NO_TIME_LEFT_MESSAGE]),
    );
  }
  return answers;
}

function buildDiagnosis(
  found: DiagnosisFinding,
  known: KnownMigrations | null,
  lastError: string | undefined,
): Diagnosis {
  const { kind, object } = found;
  const migrations =
    kind === null || known === null ? null : findRepairingMigrations(kind, object, known, lastError);
  const toAdd =
    kind === missingConflictTarget && migrations !== null
      ? findPredicateToAdd(object, migrations, known!)
      : null;
  const repair = found.repair ?? kind?.repair(object) ?? { words: '', sql: [] };
  return {
    kind: kind?.id ?? null,
    case: found.case,
    verdict: found.verdict,
    subject: found.subject,
    cause: found.cause,
    repair: toAdd === null ? repair : { ...repair, words: `${repair.words} ${toAdd}` },
    migrations,
    notChecked: [...found.unseen, ...(known?.status === null ? [NO_LEDGER_MESSAGE] : [])],
    check: found.verdict === 'schema' ? (found.check ?? kind?.verification(object) ?? null) : null,
    deployment: findLastDeployment(known),
  };
}

function findLastDeployment(known: KnownMigrations | null): LastDeployment | null {
  if (known?.status?.lastDeployment == null) return null;
  const { outcome, startedAt, finishedAt } = known.status.lastDeployment;
  return { outcome, startedAt, finishedAt };
}

export const NO_TIME_LEFT_MESSAGE = 'No time was left to query the database.';

const NO_LEDGER_MESSAGE = 'The ledger could not be read, so it is not known which migrations are applied.';

/** Returns what is known without the catalog: the check, if only one problem causes this error message. */
export function buildUndiagnosed(
  question: Pick<DiagnosisRequest, 'signature'>,
  unseen: readonly string[],
): Diagnosis {
  const signature = findSignature(question.signature);
  const kinds = signature === null ? [] : listKindsOfSignature(signature);
  return {
    kind: kinds.length === 1 ? kinds[0]!.id : null,
    case: null,
    verdict: null,
    subject: null,
    cause: [],
    repair: { words: '', sql: [] },
    migrations: null,
    notChecked: unseen,
  };
}
