import { Readable } from 'node:stream';
import { SIGNATURES } from '../lambda/defects/signatures';
import { connectPg } from '../lambda/postgres/pg';
import { createDatabaseDiagnoser, explainLog, renderExplanation } from '../lib/cli/commands/explain';
import { compileMigrations } from '../lib/cli/folder';
import { formatCount } from '../lib/cli/terminal/terminal';
import { courses } from '../test/incidents';
import type { Act, Stage } from './stage';

/** Shows the errors in the server's log, those that the alarms count, and the resulting page. */
export const pageAct: Act = {
  title: 'The page that the person on call receives',
  play: async (stage) => {
    const { out } = stage;
    const { dim } = out.colors;
    const lines = stage.readLog(0);
    const written = lines.filter((line) => line.includes(':ERROR:  ')).length;
    const counted = await countErrors(lines);
    out.line(`  Of ${written} ERROR lines in the server's log, the alarms count:`);
    for (const { signature, title, count } of counted)
      out.line(`    ${String(count).padStart(2)}  ${title} ${dim(`(alarm ${signature})`)}`);
    const page = await renderPage(stage, lines);
    out.line(`  One of the pages, about ${courses.database}:`);
    for (const line of page.split('\n').filter((each) => each.trim() !== ''))
      out.line(`    ${dim('|')} ${line}`);
    const total = counted.reduce((sum, { count }) => sum + count, 0);
    return {
      summary: `${formatCount(total, 'error')} in the server's log would send pages, which name the cause and the repair`,
      facts: { written, counted, page },
    };
  },
};

/** Counts the errors in these lines that an alarm counts. */
export async function countErrors(lines: readonly string[]) {
  const { findings } = await explainLog(Readable.from(lines), null);
  return SIGNATURES.map(({ id, title }) => {
    const groups = findings.map(({ group }) => group).filter(({ signature }) => signature === id);
    return { signature: id, title, count: groups.reduce((sum, { count }) => sum + count, 0) };
  }).filter(({ count }) => count > 0);
}

/** Renders the page about the errors of one database. */
async function renderPage(stage: Stage, lines: readonly string[]): Promise<string> {
  const { database, folder } = courses;
  const diagnose = createDatabaseDiagnoser(
    () => connectPg({ ...stage.target(database).pg, readOnly: true }),
    { manifest: await compileMigrations(folder), namespace: database },
  );
  const explanation = await explainLog(Readable.from(lines), diagnose);
  const findings = explanation.findings.filter(({ group }) => group.database === database);
  return renderExplanation({ ...explanation, findings, unwatched: [] });
}
