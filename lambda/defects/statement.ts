/**
 * Why a statement of the application no longer plans, where no log told of it: the diagnosis of a logged error, by what the
 * server answered when it planned the statement. Where no error of a log has this cause, what was there before is compared.
 */
import type { Diagnosis, DiagnosisQuestion } from '../contract/diagnosis';
import type { Planned } from '../contract/workload';
import type { Database } from '../postgres/database';
import { insertsIn } from '../sql/insert';
import { quoteWhereNeeded } from '../sql/quote';
import { diagnose } from './diagnose';
import { decide, repairBy } from './diagnosis/finding';
import { lastName } from './last-name';
import type { KnownMigrations } from './migrations';

/** A statement as planning it left it. */
export interface FailedStatement {
  /** Its text, whole. */
  readonly statement: string;
  readonly role: string | null;
  /** SQLSTATE; null where it still plans, and something else about it is worse. */
  readonly state?: string | null;
  /** Where every execution fails: `schema.table`, and the column (23502) or the index (55000). */
  readonly relation?: string | null;
  readonly object?: string | null;
}

/** From the verdict of planning it. */
export function failedStatement(statement: string, role: string | null, verdict: Planned): FailedStatement {
  const place = verdict.outcome === 'would-fail' ? verdict : null;
  const state = 'sqlstate' in verdict ? verdict.sqlstate : null;
  return { statement, role, state, relation: place?.relation, object: place?.object };
}

/** Beside how it planned when it was promised. */
export interface WorseStatement extends FailedStatement {
  /** `plan`, `privilege`, `row-security` or `type`. */
  readonly by: string;
  readonly was?: string | null;
  readonly is?: string | null;
  /** What it named and is no longer there. */
  readonly gone: readonly string[];
}

/** As the error would stand in the log; null where no error that is diagnosed has this cause. */
export function questionOf({
  statement,
  role,
  state,
  relation,
  object,
}: FailedStatement): DiagnosisQuestion | null {
  const common = { database: '', user: role ?? '', table: null, column: null, constraint: null, statement };
  switch (state) {
    case '42P10':
      return { ...common, signature: 'on-conflict', message: '' };
    case '55000':
      return object ? { ...common, signature: 'on-conflict', message: DEFERRABLE } : null;
    case '42704': {
      const insert = insertsIn(statement).find(({ conflict }) => (conflict?.constraint ?? null) !== null);
      if (insert === undefined) return null;
      const message = `constraint "${insert.conflict!.constraint}" for table "${insert.table}" does not exist`;
      return { ...common, signature: 'on-conflict', message };
    }
    case '23502':
      if (!relation || !object) return null;
      return { ...common, signature: 'not-null', message: '', table: lastName(relation), column: object };
    case '42883': {
      const called = UUID_CALL.exec(statement)?.[1]?.toLowerCase();
      return called === undefined
        ? { ...common, signature: 'key-types', message: '' }
        : { ...common, signature: 'uuid-function', message: `function ${called}() does not exist` };
    }
    default:
      return null;
  }
}

const DEFERRABLE =
  'ON CONFLICT does not support deferrable unique constraints/exclusion constraints as arbiters';
const UUID_CALL = /\b(gen_random_uuid|uuid_generate_v(?:1mc|\d)|uuidv[47])\s*\(/i;

/** Null where the catalogue has no cause for it. @throws {ConnectionLost} */
export async function explainFailed(
  db: Database,
  failed: FailedStatement,
  known: KnownMigrations | null = null,
): Promise<Diagnosis | null> {
  const question = questionOf(failed);
  const found = question === null ? null : await diagnose(db, question, known);
  return found === null || found.verdict === null || found.verdict === 'not-reproduced' ? null : found;
}

/** @throws {ConnectionLost} */
export async function explainWorse(
  db: Database,
  worse: WorseStatement,
  known: KnownMigrations | null,
): Promise<Diagnosis> {
  const asks = worse.by === 'plan' && worse.gone.length === 0;
  return (asks ? await explainFailed(db, worse, known) : null) ?? byComparison(worse);
}

/** What is known without asking: what has gone, or changed, since the statement was promised. Pure. */
export function byComparison(worse: WorseStatement): Diagnosis {
  const { by, role, relation, object, was, is, gone } = worse;
  const say = (cause: readonly string[], repair: Diagnosis['repair'], subject: string | null): Diagnosis => ({
    kind: null,
    case: null,
    verdict: 'schema',
    subject,
    cause,
    repair,
    migrations: null,
    unseen: [],
  });
  if (by === 'privilege' && object) {
    const who = role === null ? 'Its role' : `Role ${quoteWhereNeeded(role)}`;
    return say(
      [`${who} had ${object} when the statement was promised, and no longer has it.`],
      grantOf(object, role),
      object.slice(object.indexOf(' ') + 1),
    );
  }
  if (by === 'row-security')
    return say(
      [
        `Row security of ${relation} hides every row from the role, and did not when the statement was promised.`,
      ],
      decide('Create a policy for the role, or switch row security off if nobody meant to switch it on.'),
      relation ?? null,
    );
  if (by === 'type')
    return say(
      [`The type was ${was} when the statement was promised, and is ${is} now.`],
      decide('Change the type back in a new migration, or deploy an application that sends the new one.'),
      object ?? null,
    );
  if (gone.length > 0)
    return say(
      gone.map((name) => `${name} was there when the statement was promised, and is not now.`),
      decide(
        'If nobody meant to take it away, a new migration brings it back; its data may be in a backup alone. If it ' +
          'was meant, deploy the application that no longer needs it.',
      ),
      gone[0]!,
    );
  return say(
    [],
    decide('Compare the schema with what the migrations make: `trueup verify` says what else has changed.'),
    relation ?? null,
  );
}

/** `SELECT public.orders`, `USAGE sales`, `EXECUTE public.total(integer)` */
function grantOf(privilege: string, role: string | null): Diagnosis['repair'] {
  const [, verb = '', on = ''] = /^(\S+) (.*)$/s.exec(privilege) ?? [];
  const kind = verb === 'USAGE' ? 'SCHEMA ' : verb === 'EXECUTE' ? 'FUNCTION ' : '';
  const words = 'Give the privilege back, unless somebody took it away on purpose.';
  return role === null
    ? decide(words)
    : repairBy(words, [`GRANT ${verb} ON ${kind}${on} TO ${quoteWhereNeeded(role)};`]);
}
