/**
 * What `plan --json` printed, read again where it is not to be trusted: a pull request's own workflow may have written
 * anything in its place. Only what has the right form comes through, and every text of it is shown as a text.
 */
import type { ErrorInfo } from '../../lambda/contract/errors';
import type { PlannedStep } from '../../lambda/contract/status';
import type { Problem } from '../compiler/problem';
import type { PlanDocument, PlanTrial, Proof, WorkloadPlan } from './plan-document';

export type PlanReport =
  | { readonly plan: PlanDocument }
  /** The files, or how the command was called, are why there is no plan. */
  | { readonly error: Pick<ErrorInfo, 'message' | 'remedy'>; readonly problems: readonly Problem[] };

/** It is no report. */
export class ReportProblem extends Error {
  override readonly name = 'ReportProblem';
}

/** @throws {ReportProblem} */
export function readReport(json: string): PlanReport {
  let document: unknown;
  try {
    document = JSON.parse(json);
  } catch {
    throw new ReportProblem('is no JSON');
  }
  const { error, ...plan } = fields(document, 'the document');
  if (error === undefined) return { plan: planOf(plan) };
  const { message, remedy } = fields(error, 'error');
  return {
    error: { message: text(message, 'error.message'), remedy: text(remedy, 'error.remedy') },
    problems: optional(plan.problems, (each) => list(problemOf)(each, 'problems')) ?? [],
  };
}

type Read<T> = (value: unknown, at: string) => T;

function fields(value: unknown, at: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Readonly<Record<string, unknown>>;
  throw new ReportProblem(`has no object as ${at}`);
}

const text: Read<string> = (value, at) => {
  if (typeof value === 'string') return value;
  throw new ReportProblem(`has no text as ${at}`);
};

const number: Read<number> = (value, at) => {
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw new ReportProblem(`has no number as ${at}`);
};

const list =
  <T>(item: Read<T>): Read<readonly T[]> =>
  (value, at) => {
    if (Array.isArray(value)) return value.map((each, i) => item(each, `${at}[${i}]`));
    throw new ReportProblem(`has no list as ${at}`);
  };

const oneOf =
  <T extends string>(...values: readonly T[]): Read<T> =>
  (value, at) => {
    const found = values.find((each) => each === value);
    if (found !== undefined) return found;
    throw new ReportProblem(`has something else as ${at}`);
  };

const orNull =
  <T>(read: Read<T>): Read<T | null> =>
  (value, at) =>
    value === null ? null : read(value, at);

const optional = <T>(value: unknown, read: (value: unknown) => T): T | undefined =>
  value === undefined ? undefined : read(value);

const given = <K extends string, T>(name: K, value: T | undefined): { readonly [key in K]?: T } =>
  (value === undefined ? {} : { [name]: value }) as { readonly [key in K]?: T };

function planOf(it: Readonly<Record<string, unknown>>): PlanDocument {
  return {
    namespace: text(it.namespace, 'namespace'),
    manifestHash: text(it.manifestHash, 'manifestHash'),
    steps: list(stepOf)(it.steps, 'steps'),
    warnings: list(text)(it.warnings, 'warnings'),
    errors: list(errorOf)(it.errors, 'errors'),
    ...given('workload', optional(it.workload, workloadOf)),
    ...given(
      'proofs',
      optional(it.proofs, (each) => list(proofOf)(each, 'proofs')),
    ),
    ...given('trial', optional(it.trial, trialOf)),
  };
}

const stepOf: Read<PlannedStep> = (value, at) => {
  const it = fields(value, at);
  return {
    action: oneOf('apply', 'resume', 'verify', 'baseline', 'undo', 'keep')(it.action, `${at}.action`),
    migration: text(it.migration, `${at}.migration`),
    note: text(it.note, `${at}.note`),
    holdsMs: orNull(number)(it.holdsMs, `${at}.holdsMs`),
    statements: list(statementOf)(it.statements, `${at}.statements`),
  };
};

const statementOf: Read<PlannedStep['statements'][number]> = (value, at) => {
  const it = fields(value, at);
  return {
    sql: text(it.sql, `${at}.sql`),
    command: text(it.command, `${at}.command`),
    line: number(it.line, `${at}.line`),
    execution: oneOf('transaction', 'separate', 'outside', 'batch')(it.execution, `${at}.execution`),
    locks: list(text)(it.locks, `${at}.locks`),
    destroys: orNull(text)(it.destroys, `${at}.destroys`),
    rewrites: orNull(text)(it.rewrites, `${at}.rewrites`),
  };
};

/** Without its code, which nothing shows. */
const errorOf: Read<ErrorInfo> = (value, at) => {
  const it = fields(value, at);
  return {
    code: 'manifest',
    message: text(it.message, `${at}.message`),
    remedy: text(it.remedy, `${at}.remedy`),
    ...given(
      'migration',
      optional(it.migration, (each) => text(each, `${at}.migration`)),
    ),
    ...given(
      'line',
      optional(it.line, (each) => number(each, `${at}.line`)),
    ),
    ...given(
      'sqlstate',
      optional(it.sqlstate, (each) => text(each, `${at}.sqlstate`)),
    ),
    ...given(
      'details',
      optional(it.details, (each) => list(text)(each, `${at}.details`)),
    ),
  };
};

const proofOf: Read<Proof> = (value, at) => {
  const it = fields(value, at);
  return {
    migration: text(it.migration, `${at}.migration`),
    verify: list(text)(it.verify, `${at}.verify`),
    unproved: orNull(text)(it.unproved, `${at}.unproved`),
    undo: oneOf('automatic', 'by-name', 'none')(it.undo, `${at}.undo`),
    down: list(text)(it.down, `${at}.down`),
  };
};

type Verdicts = NonNullable<PlanTrial['workload']>;

const verdictsOf: Read<Verdicts> = (value, at) => {
  const it = fields(value, at);
  return {
    statements: number(it.statements, `${at}.statements`),
    plan: number(it.plan, `${at}.plan`),
    failing: list((each, place) => {
      const { text: sql, sqlstate, why } = fields(each, place);
      return { text: text(sql, place), sqlstate: text(sqlstate, place), why: text(why, place) };
    })(it.failing, `${at}.failing`),
    undecided: Object.fromEntries(
      Object.entries(fields(it.undecided, `${at}.undecided`)).map(([why, count]) => [
        why,
        number(count, `${at}.undecided`),
      ]),
    ),
  };
};

function workloadOf(value: unknown): WorkloadPlan {
  const { touched } = fields(value, 'workload');
  return {
    ...verdictsOf(value, 'workload'),
    touched: list((each, at) => {
      const it = fields(each, at);
      return {
        migration: text(it.migration, at),
        unseen: it.unseen === true,
        statements: list((statement, place) => {
          const { text: sql, role, calls } = fields(statement, place);
          return {
            text: text(sql, place),
            role: orNull(text)(role, place),
            calls: orNull(number)(calls, place),
          };
        })(it.statements, at),
      };
    })(touched, 'workload.touched'),
  };
}

function trialOf(value: unknown): PlanTrial {
  const it = fields(value, 'trial');
  return {
    serverVersion: text(it.serverVersion, 'trial.serverVersion'),
    error: orNull(errorOf)(it.error, 'trial.error'),
    findings: list((each, at) => {
      const { migration, sentence } = fields(each, at);
      return { migration: text(migration, at), sentence: text(sentence, at) };
    })(it.findings, 'trial.findings'),
    ...given(
      'workload',
      optional(it.workload, (each) => verdictsOf(each, 'trial.workload')),
    ),
  };
}

const problemOf: Read<Problem> = (value, at) => {
  const it = fields(value, at);
  return {
    file: text(it.file, `${at}.file`),
    line: orNull(number)(it.line, `${at}.line`),
    column: orNull(number)(it.column, `${at}.column`),
    message: text(it.message, `${at}.message`),
    remedy: text(it.remedy, `${at}.remedy`),
    snippet: text(it.snippet, `${at}.snippet`),
  };
};
