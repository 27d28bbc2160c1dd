/** The diagnoses of errors, asked of the functions that look after their databases. */
import type { Diagnosis } from '../../contract/diagnosis';
import { undiagnosed } from '../../defects/diagnose';
import { log } from '../../log';
import { type PageContext, TIMING } from '../context';
import { questionOf } from '../document/finding';
import type { ErrorGroup } from '../logs/collect';
import { notAnswered } from './not-answered';

/** In the order of the groups. Functions are asked at the same time, each once. */
export async function diagnoseAll(
  groups: readonly ErrorGroup[],
  context: PageContext,
): Promise<readonly Diagnosis[]> {
  const { functions } = context.settings;
  const all = [...new Set(Object.values(functions).flat())];
  // An application's line names no database; where there is only one function, it is its.
  const functionsFor = ({ database }: ErrorGroup): readonly string[] =>
    functions[database] ?? (database === '' && all.length === 1 ? all : []);
  const answers = new Map<ErrorGroup, Diagnosis[]>(groups.map((group) => [group, []]));
  await Promise.all(
    all.map(async (name) => {
      const asked = groups.filter((group) => functionsFor(group).includes(name));
      if (asked.length === 0) return;
      const diagnoses = await ask(name, asked, context);
      asked.forEach((group, i) => void answers.get(group)!.push(diagnoses[i]!));
    }),
  );
  return groups.map((group) => best(answers.get(group)!) ?? undiagnosed(group, [NOBODY(group.database)]));
}

/** Of several namespaces of one database, the one whose migrations are about it. */
const best = (diagnoses: readonly Diagnosis[]): Diagnosis | undefined =>
  diagnoses.find(({ migrations }) => migrations !== null && migrations.length > 0) ??
  diagnoses.find(({ kind, cause }) => kind !== null && cause.length > 0) ??
  diagnoses[0];

const NOBODY = (database: string): string =>
  database === ''
    ? 'An application logged this, so it is not known which database it is about.'
    : `No SchemaMigrations of these alarms looks after the database ${database}, so it could not be queried.`;

async function ask(
  functionName: string,
  groups: readonly ErrorGroup[],
  { out, timing = TIMING }: PageContext,
): Promise<readonly Diagnosis[]> {
  const questions = groups.map(questionOf);
  const request = { action: 'diagnose', questions } as const;
  const invocation = await out.invokeMigrate(functionName, request, timing.diagnosisMs);
  if (
    invocation.kind === 'answered' &&
    invocation.response.action === 'diagnose' &&
    invocation.response.diagnoses.length === groups.length
  )
    return invocation.response.diagnoses;
  const why = notAnswered(functionName, invocation, timing.diagnosisMs);
  // What AWS said is for the log alone.
  const reason = invocation.kind === 'answered' ? why : invocation.message;
  log('diagnosis-failed', { function: functionName, reason });
  return groups.map((group) => undiagnosed(group, [`The database could not be queried: ${why}`]));
}
