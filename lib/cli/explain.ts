/** `trueup explain`: log lines in, the pager's diagnosis out. */

import type { Diagnosis, DiagnosisQuestion } from '../../lambda/defects/defect';
import { diagnose, undiagnosed } from '../../lambda/defects/diagnose';
import { status } from '../../lambda/engine';
import type { Manifest } from '../../lambda/engine/manifest';
import { ErrorCollection } from '../../lambda/page/collect';
import { ErrorReader } from '../../lambda/page/error-reader';
import { eventsOfFile } from '../../lambda/page/log-lines';
import { type Finding, renderPage } from '../../lambda/page/render';
import type { Database } from '../../lambda/postgres/database';

/** Looks into the database, wherever it is: from here, or through the deployed function. In the order of the questions. */
export type Ask = (questions: readonly DiagnosisQuestion[]) => Promise<readonly Diagnosis[]>;

export interface Explanation {
  readonly findings: readonly Finding[];
  /** Errors beyond those that are told apart. */
  readonly overflow: number;
  /** Lines of the form that RDS writes. */
  readonly lines: number;
}

/**
 * @param ask null where no database was given
 * @param folder of migrations that were to be looked through
 */
export async function explain(
  lines: AsyncIterable<string>,
  ask: Ask | null,
  folder?: string,
): Promise<Explanation> {
  const collection = new ErrorCollection();
  const reader = new ErrorReader(collection);
  let count = 0;
  for await (const message of eventsOfFile(withoutOuterTime(lines))) {
    count++;
    reader.push({ message });
  }
  reader.end();
  const groups = collection.result();
  const diagnoses =
    ask === null ? groups.map((group) => undiagnosed(group, notAsked(folder))) : await ask(groups);
  return {
    findings: groups.map((group, i) => ({ group, diagnosis: diagnoses[i]! })),
    overflow: collection.overflow,
    lines: count,
  };
}

const notAsked = (folder: string | undefined): string[] => [
  'No database was given, so the catalogue was not asked. Give --database-url or --stack.',
  ...(folder === undefined
    ? []
    : [`The migrations in ${folder} were not looked through: which one repairs it, the catalogue tells.`]),
];

/** `aws logs tail` writes a time, and unless told otherwise the stream's name, in front of each line. */
async function* withoutOuterTime(lines: AsyncIterable<string>): AsyncGenerator<string> {
  for await (const line of lines)
    yield line.replace(
      /^\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:?\d\d)? (?:\S+ )?(?=\d{4}-\d\d-\d\d \d\d:)/,
      '',
    );
}

/** The same text as a page, without an alarm. */
export function renderExplanation({ findings, overflow, lines }: Explanation): string {
  if (findings.length === 0) {
    return lines === 0
      ? 'None of the lines has the form that RDS writes, such as `2026-11-21 09:01:22 UTC:10.0.1.7(53124):app@shop:[4711]:ERROR:  …`.'
      : `None of the ${lines} log lines is an error that Trueup knows.`;
  }
  return renderPage({
    alarm: null,
    signature: findings[0]!.group.signature,
    look: 'first',
    findings,
    more: 0,
    overflow,
    complete: true,
    logGroups: [],
    fromMs: 0,
    toMs: 0,
    runbookUrl: null,
  }).text;
}

/**
 * Asks a database that can be reached from here.
 * @param connect opens a connection that cannot write
 * @param known the folder's migrations, and whose ledger to read; null where no folder was given
 */
export function askDatabase(
  connect: () => Promise<Database>,
  known: { readonly manifest: Manifest; readonly namespace: string } | null,
): Ask {
  return async (questions) => {
    const db = await connect();
    try {
      const ledger =
        known === null ? null : { manifest: known.manifest, status: await statusOrNull(connect, known) };
      const answers: Diagnosis[] = [];
      for (const question of questions) answers.push(await diagnose(db, question, ledger));
      return answers;
    } finally {
      await db.close();
    }
  };
}

async function statusOrNull(
  connect: () => Promise<Database>,
  { manifest, namespace }: { readonly manifest: Manifest; readonly namespace: string },
) {
  try {
    return await status({ connect, manifest, deadline: Date.now() + 60_000 }, namespace);
  } catch {
    return null;
  }
}
