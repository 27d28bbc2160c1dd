/**
 * Names the defect behind an error of the log: looks into the catalogue, read only, and says which migration repairs it.
 * What could not be seen is said, never guessed.
 */
import { type Database, SqlError } from '../postgres/database';
import type { Diagnosis, DiagnosisQuestion, LogSignature, Repair } from './defect';
import type { Found } from './diagnosis/finding';
import { diagnoseKeyTypes } from './diagnosis/key-types';
import { diagnoseNotNull } from './diagnosis/not-null';
import { diagnoseOnConflict } from './diagnosis/on-conflict';
import { type KnownMigrations, predicateToAdd, repairingMigrations } from './diagnosis/repairs';
import { diagnoseUuidFunction } from './diagnosis/uuid-function';
import { kindsOf } from './index';
import { missingConflictTarget } from './missing-conflict-target';
import { KEY_TYPES, NOT_NULL, ON_CONFLICT, signatureOf, UUID_FUNCTION } from './signatures';

const LOOKS: ReadonlyMap<LogSignature, (db: Database, question: DiagnosisQuestion) => Promise<Found>> =
  new Map([
    [NOT_NULL, diagnoseNotNull],
    [ON_CONFLICT, diagnoseOnConflict],
    [UUID_FUNCTION, diagnoseUuidFunction],
    [KEY_TYPES, diagnoseKeyTypes],
  ]);

/**
 * @param known null where no folder of migrations is at hand
 * @throws {ConnectionLost} when the connection is gone; what the server refuses is part of the answer
 */
export async function diagnose(
  db: Database,
  question: DiagnosisQuestion,
  known: KnownMigrations | null,
): Promise<Diagnosis> {
  const look = LOOKS.get(signatureOf(question.signature)!);
  if (look === undefined)
    return undiagnosed(question, [`This version does not know the error ${question.signature}.`]);
  try {
    const [here] = await db.query<{ name: string }>('SELECT current_database() AS name');
    if (question.database !== '' && here?.name !== question.database) {
      return undiagnosed(question, [
        `The error is from the database ${question.database}; this looked into ${here?.name}, which is another one.`,
      ]);
    }
    return concluded(await look(db, question), known);
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    return undiagnosed(question, [`The catalogue could not be read (SQLSTATE ${error.sqlstate}).`]);
  }
}

function concluded(found: Found, known: KnownMigrations | null): Diagnosis {
  const { kind, object } = found;
  const migrations = kind === null || known === null ? null : repairingMigrations(kind, object, known);
  const toAdd =
    kind === missingConflictTarget && migrations !== null ? predicateToAdd(object, migrations, known!) : null;
  const repair = repairOf(found);
  return {
    kind: kind?.id ?? null,
    case: found.case,
    subject: found.subject,
    cause: found.cause,
    repair: toAdd === null ? repair : { ...repair, words: `${repair.words} ${toAdd}` },
    migrations,
    unseen: [...found.unseen, ...(known?.status === null ? [NO_LEDGER] : [])],
  };
}

const NO_LEDGER = 'The ledger could not be read, so it is not known which migrations are applied.';

function repairOf({ kind, object, repairWords }: Found): Repair {
  if (repairWords !== undefined) return { words: repairWords, sql: [] };
  if (kind === null) return { words: '', sql: [] };
  return kind.repair(object);
}

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
    subject: null,
    cause: [],
    repair: { words: '', sql: [] },
    migrations: null,
    unseen,
  };
}
