import { SIGNATURES } from '../../../lambda/defects/signatures';
import { answerQuestions } from '../../../lambda/migrate/diagnosis';
import { ErrorCollection, type ErrorGroup } from '../../../lambda/page/collect';
import { ErrorReader } from '../../../lambda/page/error-reader';
import { eventsOfFile } from '../../../lambda/page/log-lines';
import { renderPage } from '../../../lambda/page/render';
import { connectPg } from '../../../lambda/postgres/pg';
import { databasePatterns } from '../../constructs/log-patterns';
import { compileFilterPattern } from '../../local/filter-pattern';
import { courses } from '../../local/incidents';
import { compile } from '../folder';
import { plural } from '../terminal';
import type { Act, Stage } from './stage';

/** What the real server logged of the errors, which metric filters count it, and the page that follows. */
export const page: Act = {
  title: 'What the person on call gets',
  play: async (stage) => {
    const { out } = stage;
    const lines = stage.logLines(0);
    const written = lines.filter((line) => line.includes(':ERROR:  ')).length;
    const counted = countedBy(lines);
    const total = counted.reduce((sum, { count }) => sum + count, 0);
    out.line(`  Of ${written} ERROR lines in the server's log, the metric filters count:`);
    for (const { signature, title, count } of counted) {
      out.line(`    ${String(count).padStart(2)}  ${title} ${out.colors.dim(`(alarm ${signature})`)}`);
    }
    const text = await pageFor(stage, lines, courses.database);
    out.line(`  One of the pages, about ${courses.database}:`);
    for (const line of text.trimEnd().split('\n')) out.line(`    ${out.colors.dim('|')} ${line}`.trimEnd());
    return {
      summary: [
        `${plural(total, 'error')} in the server's log matched the metric filters; the page names cause and repair`,
      ],
      facts: { written, counted, page: text },
    };
  },
};

export interface Counted {
  readonly signature: string;
  readonly title: string;
  readonly count: number;
}

/** What CloudWatch's metric filters make of these lines. */
export function countedBy(lines: readonly string[]): Counted[] {
  return SIGNATURES.map((signature) => {
    const filters = databasePatterns(signature).map(compileFilterPattern);
    const count = lines.filter((line) => filters.some((matches) => matches(line))).length;
    return { signature: signature.id, title: signature.title, count };
  }).filter(({ count }) => count > 0);
}

async function pageFor(stage: Stage, lines: readonly string[], database: string): Promise<string> {
  const groups = (await errorsIn(lines)).filter((group) => group.database === database);
  const incident = stage.incidents.find((each) => each.database === database)!;
  const diagnoses = await answerQuestions(groups, {
    namespace: database,
    manifest: await compile(incident.folder),
    connect: () => connectPg({ ...stage.target(incident).pg, readOnly: true }),
    deadline: Date.now() + 10_000,
  });
  const { subject, text } = renderPage({
    alarm: null,
    signature: groups[0]!.signature,
    look: 'first',
    findings: groups.map((group, i) => ({ group, diagnosis: diagnoses[i]! })),
    more: 0,
    overflow: 0,
    complete: true,
    logGroups: [],
    fromMs: 0,
    toMs: Date.now(),
    runbookUrl: null,
  });
  return `${subject}\n\n${text}`;
}

async function errorsIn(lines: readonly string[]): Promise<readonly ErrorGroup[]> {
  const collection = new ErrorCollection();
  const reader = new ErrorReader(collection);
  for await (const message of eventsOfFile(lines)) reader.push({ message });
  reader.end();
  return collection.result();
}
