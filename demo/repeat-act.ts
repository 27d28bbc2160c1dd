import { formatCount } from '../lib/cli/terminal/terminal';
import { INCIDENTS, runAgain } from '../test/incidents';
import { countErrors } from './page-act';
import type { Act } from './stage';

/** Runs the failed statements again, and checks what else the documentation promises for the repaired databases. */
export const repeatAct: Act = {
  title: 'Run the same statements again, and check the repaired behavior',
  play: async (stage) => {
    const logSize = stage.measureLog();
    for (const incident of INCIDENTS) {
      const { database, failing } = incident;
      await stage.withClient(database, (client) => runAgain(client, incident));
      stage.say('works', `${database}: ${failing[0]!.what}${formatRest(failing)}`);
    }
    const counted = await countErrors(stage.readLog(logSize));
    if (counted.length > 0) throw new Error(`the log is not silent: ${JSON.stringify(counted)}`);
    stage.say('quiet', "the server's log has no line that an alarm counts");
    for (const { database, behaviors } of INCIDENTS) {
      for (const { holds } of behaviors) await holds(() => stage.connect(database));
      // Prefer a behavior with concurrent callers: that is the purpose of a constraint and a transaction.
      const shown = behaviors.find(({ what }) => /at once|concurrent/.test(what)) ?? behaviors[0]!;
      stage.say('holds', `${database}: ${shown.what}${formatRest(behaviors)}`);
    }
    const statements = INCIDENTS.flatMap(({ failing }) => failing).length;
    const behaviors = INCIDENTS.flatMap((incident) => incident.behaviors.map(({ what }) => what));
    return {
      summary: `${formatCount(statements, 'statement')} that failed now work, and ${behaviors.length} expected behaviors hold, also with concurrent sessions`,
      facts: { statements, behaviors },
    };
  },
};

const formatRest = (all: readonly unknown[]): string =>
  all.length > 1 ? ` (and ${all.length - 1} more)` : '';
