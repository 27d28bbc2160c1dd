import { formatCount, printHanging } from '../cli/terminal/terminal';
import { runAgain } from './incidents';
import { countErrors } from './page-act';
import type { Act } from './stage';

/** Runs the failed statements again, and checks what else the documentation promises for the repaired databases. */
export const repeatAct: Act = {
  title: 'Run the same statements again, and check the repaired behavior',
  play: async (stage) => {
    const { out, incidents } = stage;
    const { colors } = out;
    const say = (word: string, text: string): void => printHanging(out, `  ${colors.green(word)}  `, text);
    const rest = (all: readonly unknown[]): string => (all.length > 1 ? ` (and ${all.length - 1} more)` : '');
    const quietFrom = stage.logSize();
    for (const incident of incidents) {
      await stage.alone(incident, (client) => runAgain(client, incident));
      say('works', `${incident.database}: ${incident.failing[0]!.what}${rest(incident.failing)}`);
    }
    const counted = await countErrors(stage.logLines(quietFrom));
    if (counted.length > 0) throw new Error(`the log is not silent: ${JSON.stringify(counted)}`);
    say('quiet', "the server's log has no line that an alarm counts");
    for (const incident of incidents) {
      for (const { holds } of incident.behaviors) await holds(() => stage.connect(incident));
      // Prefer a behavior with concurrent callers: that is the purpose of a constraint and a transaction.
      const shown = incident.behaviors.find(({ what }) => /at once/.test(what)) ?? incident.behaviors[0]!;
      say('holds', `${incident.database}: ${shown.what}${rest(incident.behaviors)}`);
    }
    const statements = incidents.flatMap(({ failing }) => failing).length;
    const behaviors = incidents.flatMap((incident) => incident.behaviors.map(({ what }) => what));
    return {
      summary: [
        `${formatCount(statements, 'statement')} that failed now work, and ${behaviors.length} expected behaviors hold, also with concurrent sessions`,
      ],
      facts: { statements, behaviors },
    };
  },
};
