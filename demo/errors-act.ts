import { formatCount } from '../lib/cli/terminal/terminal';
import { INCIDENTS, reproduceErrors } from '../test/incidents';
import type { Act } from './stage';

const MAX_SQL_LENGTH = 100;

/** Creates the five databases as their incidents found them, with data, and shows the error of each. */
export const errorsAct: Act = {
  title: 'Five databases that are not what their applications expect',
  play: async (stage) => {
    const { out } = stage;
    const { bold, dim, red } = out.colors;
    for (const { database, seed } of INCIDENTS) await stage.createDatabase(database, seed);
    const reproduced: { database: string; sql: string; sqlstate: string; message: string }[] = [];
    for (const incident of INCIDENTS) {
      const { database, title } = incident;
      out.line(`  ${bold(database)}: ${title}`);
      const failures = await stage.withClient(database, (client) => reproduceErrors(client, incident));
      for (const [i, { statement, sqlstate, message }] of failures.entries()) {
        if (sqlstate !== statement.sqlstate) throw new Error(`${sqlstate} instead of ${statement.sqlstate}`);
        reproduced.push({ database, sql: statement.sql, sqlstate, message });
        // The page describes the errors that follow in the aborted transaction.
        if (sqlstate === failures[i - 1]?.sqlstate || sqlstate === '25P02') continue;
        out.line(`    ${dim(toOneLine(statement.sql))}`);
        out.line(`    ${red('ERROR')} ${sqlstate}: ${message}`);
        const same = failures.filter((other) => other.sqlstate === sqlstate).length - 1;
        if (same > 0) out.line(`    ${dim(`and the same from ${formatCount(same, 'other table')}`)}`);
      }
    }
    return { facts: { errors: reproduced } };
  },
};

function toOneLine(sql: string): string {
  const text = sql.replace(/\s+/g, ' ').trim();
  return text.length > MAX_SQL_LENGTH ? `${text.slice(0, MAX_SQL_LENGTH - 3)}...` : text;
}
