/**
 * Reads the output of `plan --json` where it cannot be trusted: the workflow of a pull request may have replaced it
 * with anything. Only values of the expected form are accepted, and every text is displayed as plain text.
 */
import type { ErrorInfo } from '../../lambda/contract/errors';
import type { PlannedStep } from '../../lambda/contract/status';
import type { Problem } from '../compiler/problem';
import type { MigrationSections, PlanDocument, PlanTrial, WorkloadPlan } from './plan-document';

export type PlanReport =
  | { readonly plan: PlanDocument }
  /** The files have problems, or the command was called wrongly, so there is no plan. */
  | { readonly error: Pick<ErrorInfo, 'message' | 'remedy'>; readonly problems: readonly Problem[] };

/** Thrown if the document is not a report. */
export class ReportProblem extends Error {
  override readonly name = 'ReportProblem';
}

/**
 * Reads a report.
 * @throws {ReportProblem}
 */
export function readReport(json: string): PlanReport {
  let document: unknown;
  try {
    document = JSON.parse(json);
  } catch {
    throw new ReportProblem('is not JSON');
  }
  const { error, ...plan } = readObject(document, 'the document');
  if (error === undefined) return { plan: readPlan(plan) };
  const { message, remedy } = readObject(error, 'error');
  return {
    error: { message: readText(message, 'error.message'), remedy: readText(remedy, 'error.remedy') },
    problems: readOptional(plan.problems, (each) => readList(readProblem)(each, 'problems')) ?? [],
  };
}

type ReadValue<T> = (value: unknown, at: string) => T;

function readObject(value: unknown, at: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Readonly<Record<string, unknown>>;
  throw new ReportProblem(`has no object at ${at}`);
}

const readText: ReadValue<string> = (value, at) => {
  if (typeof value === 'string') return value;
  throw new ReportProblem(`has no text at ${at}`);
};

const readNumber: ReadValue<number> = (value, at) => {
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw new ReportProblem(`has no number at ${at}`);
};

const readList =
  <T>(item: ReadValue<T>): ReadValue<readonly T[]> =>
  (value, at) => {
    if (Array.isArray(value)) return value.map((each, i) => item(each, `${at}[${i}]`));
    throw new ReportProblem(`has no list at ${at}`);
  };

const readEnum =
  <T extends string>(...values: readonly T[]): ReadValue<T> =>
  (value, at) => {
    const found = values.find((each) => each === value);
    if (found !== undefined) return found;
    throw new ReportProblem(`has an unexpected value at ${at}`);
  };

const readNullable =
  <T>(read: ReadValue<T>): ReadValue<T | null> =>
  (value, at) =>
    value === null ? null : read(value, at);

const readOptional = <T>(value: unknown, read: (value: unknown) => T): T | undefined =>
  value === undefined ? undefined : read(value);

const pickDefined = <K extends string, T>(name: K, value: T | undefined): { readonly [key in K]?: T } =>
  (value === undefined ? {} : { [name]: value }) as { readonly [key in K]?: T };

function readPlan(it: Readonly<Record<string, unknown>>): PlanDocument {
  return {
    namespace: readText(it.namespace, 'namespace'),
    manifestHash: readText(it.manifestHash, 'manifestHash'),
    steps: readList(readStep)(it.steps, 'steps'),
    warnings: readList(readText)(it.warnings, 'warnings'),
    errors: readList(readError)(it.errors, 'errors'),
    ...pickDefined('workload', readOptional(it.workload, readWorkload)),
    ...pickDefined(
      'sections',
      readOptional(it.sections, (each) => readList(readSections)(each, 'sections')),
    ),
    ...pickDefined('trial', readOptional(it.trial, readTrial)),
  };
}

const readStep: ReadValue<PlannedStep> = (value, at) => {
  const it = readObject(value, at);
  return {
    action: readEnum('apply', 'resume', 'verify', 'baseline', 'undo', 'keep')(it.action, `${at}.action`),
    migration: readText(it.migration, `${at}.migration`),
    note: readText(it.note, `${at}.note`),
    holdsMs: readNullable(readNumber)(it.holdsMs, `${at}.holdsMs`),
    statements: readList(readStatement)(it.statements, `${at}.statements`),
  };
};

const readStatement: ReadValue<PlannedStep['statements'][number]> = (value, at) => {
  const it = readObject(value, at);
  return {
    sql: readText(it.sql, `${at}.sql`),
    command: readText(it.command, `${at}.command`),
    line: readNumber(it.line, `${at}.line`),
    execution: readEnum(
      'transaction',
      'separate',
      'non-transactional',
      'batch',
    )(it.execution, `${at}.execution`),
    locks: readList(readText)(it.locks, `${at}.locks`),
    destroys: readNullable(readText)(it.destroys, `${at}.destroys`),
    rewrites: readNullable(readText)(it.rewrites, `${at}.rewrites`),
  };
};

/** Reads an error without its code, which is never displayed. */
const readError: ReadValue<ErrorInfo> = (value, at) => {
  const it = readObject(value, at);
  return {
    code: 'manifest',
    message: readText(it.message, `${at}.message`),
    remedy: readText(it.remedy, `${at}.remedy`),
    ...pickDefined(
      'migration',
      readOptional(it.migration, (each) => readText(each, `${at}.migration`)),
    ),
    ...pickDefined(
      'line',
      readOptional(it.line, (each) => readNumber(each, `${at}.line`)),
    ),
    ...pickDefined(
      'sqlstate',
      readOptional(it.sqlstate, (each) => readText(each, `${at}.sqlstate`)),
    ),
    ...pickDefined(
      'details',
      readOptional(it.details, (each) => readList(readText)(each, `${at}.details`)),
    ),
  };
};

const readSections: ReadValue<MigrationSections> = (value, at) => {
  const it = readObject(value, at);
  return {
    migration: readText(it.migration, `${at}.migration`),
    verify: readList(readText)(it.verify, `${at}.verify`),
    withoutVerify: readNullable(readText)(it.withoutVerify, `${at}.withoutVerify`),
    undo: readEnum('automatic', 'by-name', 'none')(it.undo, `${at}.undo`),
    down: readList(readText)(it.down, `${at}.down`),
  };
};

type TrialWorkload = NonNullable<PlanTrial['workload']>;

const readVerdicts: ReadValue<TrialWorkload> = (value, at) => {
  const it = readObject(value, at);
  return {
    statements: readNumber(it.statements, `${at}.statements`),
    plan: readNumber(it.plan, `${at}.plan`),
    failing: readList((each, place) => {
      const { text: sql, sqlstate, why } = readObject(each, place);
      return { text: readText(sql, place), sqlstate: readText(sqlstate, place), why: readText(why, place) };
    })(it.failing, `${at}.failing`),
    undecided: Object.fromEntries(
      Object.entries(readObject(it.undecided, `${at}.undecided`)).map(([why, count]) => [
        why,
        readNumber(count, `${at}.undecided`),
      ]),
    ),
  };
};

function readWorkload(value: unknown): WorkloadPlan {
  const { touched } = readObject(value, 'workload');
  return {
    ...readVerdicts(value, 'workload'),
    touched: readList((each, at) => {
      const it = readObject(each, at);
      return {
        migration: readText(it.migration, at),
        notAnalyzed: it.notAnalyzed === true,
        statements: readList((statement, place) => {
          const { text: sql, role, calls } = readObject(statement, place);
          return {
            text: readText(sql, place),
            role: readNullable(readText)(role, place),
            calls: readNullable(readNumber)(calls, place),
          };
        })(it.statements, at),
      };
    })(touched, 'workload.touched'),
  };
}

function readTrial(value: unknown): PlanTrial {
  const it = readObject(value, 'trial');
  return {
    serverVersion: readText(it.serverVersion, 'trial.serverVersion'),
    error: readNullable(readError)(it.error, 'trial.error'),
    findings: readList((each, at) => {
      const { migration, sentence } = readObject(each, at);
      return { migration: readText(migration, at), sentence: readText(sentence, at) };
    })(it.findings, 'trial.findings'),
    ...pickDefined(
      'workload',
      readOptional(it.workload, (each) => readVerdicts(each, 'trial.workload')),
    ),
  };
}

const readProblem: ReadValue<Problem> = (value, at) => {
  const it = readObject(value, at);
  return {
    file: readText(it.file, `${at}.file`),
    line: readNullable(readNumber)(it.line, `${at}.line`),
    column: readNullable(readNumber)(it.column, `${at}.column`),
    message: readText(it.message, `${at}.message`),
    remedy: readText(it.remedy, `${at}.remedy`),
    snippet: readText(it.snippet, `${at}.snippet`),
  };
};
