import { hang, plural } from '../cli/terminal/terminal';
import { runAgain } from './incidents';
import { countedBy } from './page';
import type { Act } from './stage';

/** The statements that failed, and what else the documents promise of the repaired databases. */
export const again: Act = {
  title: 'The same statements again, and what the repair promises',
  play: async (stage) => {
    const { out, incidents } = stage;
    const { colors } = out;
    const say = (word: string, text: string): void => hang(out, `  ${colors.green(word)}  `, text);
    const rest = (all: readonly unknown[]): string => (all.length > 1 ? ` (and ${all.length - 1} more)` : '');
    const quietFrom = stage.logSize();
    for (const incident of incidents) {
      await stage.alone(incident, (client) => runAgain(client, incident));
      say('works', `${incident.database}: ${incident.failing[0]!.what}${rest(incident.failing)}`);
    }
    const counted = await countedBy(stage.logLines(quietFrom));
    if (counted.length > 0) throw new Error(`the log is not silent: ${JSON.stringify(counted)}`);
    say('quiet', "the server's log: no line that an alarm counts");
    for (const incident of incidents) {
      for (const { holds } of incident.behaviours) await holds(() => stage.connect(incident));
      // Those with many callers are what a constraint and a transaction are for.
      const shown = incident.behaviours.find(({ what }) => /at once/.test(what)) ?? incident.behaviours[0]!;
      say('holds', `${incident.database}: ${shown.what}${rest(incident.behaviours)}`);
    }
    const statements = incidents.flatMap(({ failing }) => failing).length;
    const behaviours = incidents.flatMap((incident) => incident.behaviours.map(({ what }) => what));
    return {
      summary: [
        `${plural(statements, 'statement')} that failed now work, and ${behaviours.length} promised behaviours hold, under concurrency too`,
      ],
      facts: { statements, behaviours },
    };
  },
};
