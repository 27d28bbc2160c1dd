/**
 * Explains why a statement of the application can no longer be planned, without a logged error. The server's answer is
 * diagnosed like an error of the log. If no logged error has this cause, the statement's facts before and now are
 * compared.
 */
import type { Diagnosis, DiagnosisRequest } from '../contract/diagnosis';
import type { PlanningOutcome } from '../contract/workload';
import type { Database } from '../postgres/database';
import { parseInserts } from '../sql/insert';
import { quoteIfNeeded } from '../sql/quote';
import { diagnose } from './diagnose';
import { makeManualDecision, makeRepair } from './diagnosis/finding';
import type { KnownMigrations } from './migrations';
import { extractUnqualifiedName } from './unqualified-name';

/** A statement whose planning failed. */
export interface FailedStatement {
  /** Complete text of the statement. */
  readonly statement: string;
  readonly role: string | null;
  /** SQLSTATE, or null if it can still be planned but is worse in another way. */
  readonly state?: string | null;
  /**
   * Relation that makes every execution fail, as `schema.table`. `object` is the column (23502) or the index (55000).
   */
  readonly relation?: string | null;
  readonly object?: string | null;
}

/** Creates the failed statement from the verdict of planning it. */
export function toFailedStatement(
  statement: string,
  role: string | null,
  verdict: PlanningOutcome,
): FailedStatement {
  const place = verdict.outcome === 'would-fail' ? verdict : null;
  const state = 'sqlstate' in verdict ? verdict.sqlstate : null;
  return { statement, role, state, relation: place?.relation, object: place?.object };
}

/** A statement that is worse than at its deployment. */
export interface DegradedStatement extends FailedStatement {
  /** The aspect that is worse: `plan`, `privilege`, `row-security` or `type`. */
  readonly by: string;
  readonly was?: string | null;
  readonly is?: string | null;
  /** Objects that it named and that no longer exist. */
  readonly gone: readonly string[];
}

/** Returns the question for the diagnosis of an equivalent logged error, or null if there is none. */
function toDiagnosisRequest({
  statement,
  role,
  state,
  relation,
  object,
}: FailedStatement): DiagnosisRequest | null {
  const common = { database: '', user: role ?? '', table: null, column: null, constraint: null, statement };
  switch (state) {
    case '42P10':
      return { ...common, signature: 'on-conflict', message: '' };
    case '55000':
      return object ? { ...common, signature: 'on-conflict', message: DEFERRABLE_REASON } : null;
    case '42704': {
      const insert = parseInserts(statement).find(({ conflict }) => (conflict?.constraint ?? null) !== null);
      if (insert === undefined) return null;
      const message = `constraint "${insert.conflict!.constraint}" for table "${insert.table}" does not exist`;
      return { ...common, signature: 'on-conflict', message };
    }
    case '23502':
      if (!relation || !object) return null;
      return {
        ...common,
        signature: 'not-null',
        message: '',
        table: extractUnqualifiedName(relation),
        column: object,
      };
    case '42883': {
      const called = UUID_CALL_PATTERN.exec(statement)?.[1]?.toLowerCase();
      return called === undefined
        ? { ...common, signature: 'key-types', message: '' }
        : { ...common, signature: 'uuid-function', message: `function ${called}() does not exist` };
    }
    default:
      return null;
  }
}

const DEFERRABLE_REASON =
  'ON CONFLICT does not support deferrable unique constraints/exclusion constraints as arbiters';
const UUID_CALL_PATTERN = /\b(gen_random_uuid|uuid_generate_v(?:1mc|\d)|uuidv[47])\s*\(/i;

/**
 * Diagnoses the statement. Returns null if the catalog shows no cause.
 * @throws {ConnectionLostError}
 */
export async function explainFailedStatement(
  db: Database,
  failed: FailedStatement,
  known: KnownMigrations | null = null,
): Promise<Diagnosis | null> {
  const question = toDiagnosisRequest(failed);
  const found = question === null ? null : await diagnose(db, question, known);
  return found === null || found.verdict === null || found.verdict === 'not-reproduced' ? null : found;
}

/**
 * Explains why a statement is worse, by a diagnosis or else by comparison.
 * @throws {ConnectionLostError}
 */
export async function explainDegradedStatement(
  db: Database,
  worse: DegradedStatement,
  known: KnownMigrations | null,
): Promise<Diagnosis> {
  const asks = worse.by === 'plan' && worse.gone.length === 0;
  return (asks ? await explainFailedStatement(db, worse, known) : null) ?? describeDegradation(worse);
}

/** Explains, without a query, why the statement fails: by what was dropped or changed since it was deployed. Pure. */
function describeDegradation(worse: DegradedStatement): Diagnosis {
  const { by, role, relation, object, was, is, gone } = worse;
  const say = (cause: readonly string[], repair: Diagnosis['repair'], subject: string | null): Diagnosis => ({
    kind: null,
    case: null,
    verdict: 'schema',
    subject,
    cause,
    repair,
    migrations: null,
    notChecked: [],
  });
  if (by === 'privilege' && object) {
    const who = role === null ? 'Its role' : `Role ${quoteIfNeeded(role)}`;
    return say(
      [`${who} had ${object} when the running application was deployed, and no longer has it.`],
      buildGrantRepair(object, role),
      object.slice(object.indexOf(' ') + 1),
    );
  }
  if (by === 'row-security')
    return say(
      [
        `Row security of ${relation} hides every row from the role, and did not when the running application was deployed.`,
      ],
      makeManualDecision(
        'Create a policy for the role, or disable row security if it was enabled by mistake.',
      ),
      relation ?? null,
    );
  if (by === 'lost-row-security')
    return say(
      [
        `Row security of ${relation} hid rows from the role when the running application was deployed, and does not now.`,
      ],
      makeManualDecision(
        'Enable row security again: on the table itself, or by a view with security_invoker (from PostgreSQL 15 on) over a table that has it.',
      ),
      relation ?? null,
    );
  if (by === 'columns')
    return say(
      [
        `The statement does not name its columns: where it had ${was} when the running application was deployed, it has ${is} now.`,
      ],
      makeManualDecision(
        'Restore the order of the columns, or deploy an application that names the columns.',
      ),
      object ?? relation ?? null,
    );
  if (by === 'type')
    return say(
      [`The type was ${was} when the running application was deployed, and is ${is} now.`],
      makeManualDecision(
        'Change the type back in a new migration, or deploy an application that uses the new type.',
      ),
      object ?? null,
    );
  if (gone.length > 0)
    return say(
      gone.map(
        (name) => `${name} existed when the running application was deployed, and does not exist now.`,
      ),
      makeManualDecision(
        'If it was removed by mistake, write a migration that creates it again; its data may exist only in a backup. ' +
          'If it was removed on purpose, deploy an application that no longer needs it.',
      ),
      gone[0]!,
    );
  return say(
    [],
    makeManualDecision(
      'Compare the schema with what the migrations create: `trueup verify` shows what else has changed.',
    ),
    relation ?? null,
  );
}

/** Returns the GRANT for a privilege: `SELECT public.orders`, `USAGE sales`, `EXECUTE public.total(integer)`. */
function buildGrantRepair(privilege: string, role: string | null): Diagnosis['repair'] {
  const [, verb = '', on = ''] = /^(\S+) (.*)$/s.exec(privilege) ?? [];
  const kind = verb === 'USAGE' ? 'SCHEMA ' : verb === 'EXECUTE' ? 'FUNCTION ' : '';
  const words = 'Grant the privilege again, unless it was revoked on purpose.';
  return role === null
    ? makeManualDecision(words)
    : makeRepair(words, [`GRANT ${verb} ON ${kind}${on} TO ${quoteIfNeeded(role)};`]);
}
