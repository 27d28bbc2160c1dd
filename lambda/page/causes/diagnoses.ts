/** Gets the diagnoses of errors from the functions that are responsible for their databases. */
import type { Diagnosis } from '../../contract/diagnosis';
import { buildUndiagnosed, NO_TIME_LEFT_MESSAGE } from '../../defects/diagnose';
import { log } from '../../log';
import { DEFAULT_TIMING, type PageContext } from '../context';
import { type DiagnosedError, toDiagnosisRequest } from '../document/diagnosed-error';
import type { ErrorGroup } from '../logs/collect';
import { describeInvocationFailure } from './not-answered';

export interface QueriedError extends DiagnosedError {
  /** False if the error's database could not be reached or there was no time to query it. */
  readonly isAnswered: boolean;
}

/** Returns the diagnoses in the order of the groups. Each function is invoked once, all of them concurrently. */
export async function diagnoseGroups(
  groups: readonly ErrorGroup[],
  context: PageContext,
): Promise<readonly QueriedError[]> {
  const { functions } = context.settings;
  const all = [...new Set(Object.values(functions).flat())];
  // An application's log line names no database. If there is only one function, it must be that one's.
  const functionsFor = ({ database }: ErrorGroup): readonly string[] =>
    functions[database] ?? (database === '' && all.length === 1 ? all : []);
  const answers = new Map<ErrorGroup, Diagnosis[]>(groups.map((group) => [group, []]));
  await Promise.all(
    all.map(async (name) => {
      const asked = groups.filter((group) => functionsFor(group).includes(name));
      if (asked.length === 0) return;
      const diagnoses = await queryDiagnoses(name, asked, context);
      asked.forEach((group, i) => void answers.get(group)!.push(diagnoses[i]!));
    }),
  );
  return groups.map((group) => {
    const all = answers.get(group)!;
    const diagnosis = pickBestDiagnosis(all) ?? buildUndiagnosed(group, [describeNoFunction(group.database)]);
    return { group, diagnosis, isAnswered: all.length === 0 || !hasNoAnswer(diagnosis) };
  });
}

const hasNoAnswer = ({ notChecked: unseen }: Diagnosis): boolean =>
  unseen.some((sentence) => sentence === NO_TIME_LEFT_MESSAGE || sentence.startsWith(NOT_QUERIED_PREFIX));

const NOT_QUERIED_PREFIX = 'The database could not be queried: ';

/** Selects the diagnosis of the namespace whose migrations concern the error, if a database has several namespaces. */
const pickBestDiagnosis = (diagnoses: readonly Diagnosis[]): Diagnosis | undefined =>
  diagnoses.find(({ migrations }) => migrations !== null && migrations.length > 0) ??
  diagnoses.find(({ kind, cause }) => kind !== null && cause.length > 0) ??
  diagnoses[0];

const describeNoFunction = (database: string): string =>
  database === ''
    ? 'An application logged this, so its database is not known.'
    : `None of the SchemaMigrations of these alarms manages database ${database}, so it could not be queried.`;

async function queryDiagnoses(
  functionName: string,
  groups: readonly ErrorGroup[],
  { out, timing = DEFAULT_TIMING }: PageContext,
): Promise<readonly Diagnosis[]> {
  const questions = groups.map(toDiagnosisRequest);
  const request = { action: 'diagnose', questions } as const;
  const invocation = await out.invokeMigrate(functionName, request, timing.diagnosisMs);
  if (
    invocation.kind === 'answered' &&
    invocation.response.action === 'diagnose' &&
    invocation.response.diagnoses.length === groups.length
  )
    return invocation.response.diagnoses;
  const why = describeInvocationFailure(functionName, invocation, timing.diagnosisMs);
  // The message of AWS is logged, but not shown in the page.
  const reason = invocation.kind === 'answered' ? why : invocation.message;
  log('diagnosis-failed', { function: functionName, reason });
  return groups.map((group) => buildUndiagnosed(group, [`${NOT_QUERIED_PREFIX}${why}`]));
}
