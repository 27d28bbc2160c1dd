import { SIGNATURES } from '../../lambda/defects/signatures';
import { answerQuestions } from '../../lambda/migrate/diagnosis';
import { renderPage } from '../../lambda/page/document/render';
import { ErrorCollection, type ErrorGroup } from '../../lambda/page/logs/collect';
import { ErrorReader } from '../../lambda/page/logs/error-reader';
import { readEventsOfFile } from '../../lambda/page/logs/log-lines';
import { connectPg } from '../../lambda/postgres/pg';
import { compileMigrations } from '../cli/folder';
import { formatCount } from '../cli/terminal/terminal';
import { courses } from './incidents';
import type { Act, Stage } from './stage';

/** Shows the errors in the server's log, those that the alarms count, and the resulting page. */
export const pageAct: Act = {
  title: 'The page that the person on call receives',
  play: async (stage) => {
    const { out } = stage;
    const lines = stage.logLines(0);
    const written = lines.filter((line) => line.includes(':ERROR:  ')).length;
    const counted = await countErrors(lines);
    const total = counted.reduce((sum, { count }) => sum + count, 0);
    out.line(`  Of ${written} ERROR lines in the server's log, the alarms count:`);
    for (const { signature, title, count } of counted) {
      out.line(`    ${String(count).padStart(2)}  ${title} ${out.colors.dim(`(alarm ${signature})`)}`);
    }
    const text = await buildPage(stage, lines, courses.database);
    out.line(`  One of the pages, about ${courses.database}:`);
    for (const line of text.split('\n').filter((each) => each.trim() !== ''))
      out.line(`    ${out.colors.dim('|')} ${line}`);
    return {
      summary: [
        `${formatCount(total, 'error')} in the server's log would send pages, which name the cause and the repair`,
      ],
      facts: { written, counted, page: text },
    };
  },
};

export interface ErrorCount {
  readonly signature: string;
  readonly title: string;
  readonly count: number;
}

/** Counts the errors in these lines that an alarm counts. */
export async function countErrors(lines: readonly string[]): Promise<ErrorCount[]> {
  const groups = await collectErrors(lines);
  return SIGNATURES.map(({ id, title }) => {
    const own = groups.filter(({ signature }) => signature === id);
    return { signature: id, title, count: own.reduce((sum, { count }) => sum + count, 0) };
  }).filter(({ count }) => count > 0);
}

async function buildPage(stage: Stage, lines: readonly string[], database: string): Promise<string> {
  const groups = (await collectErrors(lines)).filter((group) => group.database === database);
  const incident = stage.incidents.find((each) => each.database === database)!;
  const diagnoses = await answerQuestions(groups, {
    namespace: database,
    manifest: await compileMigrations(incident.folder),
    connect: () => connectPg({ ...stage.target(incident).pg, readOnly: true }),
    deadline: Date.now() + 10_000,
  });
  const { subject, text } = renderPage({
    alarm: null,
    signature: groups[0]!.signature,
    followUp: false,
    findings: groups.map((group, i) => ({ group, diagnosis: diagnoses[i]! })),
    others: [],
    overflow: 0,
    complete: true,
    logGroups: [],
    fromMs: 0,
    toMs: Date.now(),
    runbookUrl: null,
  });
  return `${subject}\n\n${text}`;
}

async function collectErrors(lines: readonly string[]): Promise<readonly ErrorGroup[]> {
  const collection = new ErrorCollection();
  const reader = new ErrorReader(collection);
  for await (const message of readEventsOfFile(lines)) reader.push({ message });
  reader.end();
  return collection.result();
}
