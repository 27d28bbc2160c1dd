import { runAgain } from '../../local/incidents';
import { plural } from '../terminal';
import type { Act } from './stage';

/** The statements that failed, and what else the documents promise of the repaired databases. */
export const again: Act = {
  title: 'The same statements again, and what the repair promises',
  play: async (stage) => {
    const { out, incidents } = stage;
    const { colors } = out;
    let statements = 0;
    const behaviours: string[] = [];
    for (const incident of incidents) {
      await stage.alone(incident, (client) => runAgain(client, incident));
      out.line(`  ${colors.bold(incident.database)}`);
      for (const { what, afterRepair } of incident.failing) {
        statements++;
        out.line(`    ${colors.green('works')}  ${what}`);
        if (afterRepair) out.line(`           ${colors.dim(`changed: ${afterRepair.why}`)}`);
      }
      for (const { what, holds } of incident.behaviours) {
        await holds(() => stage.connect(incident));
        behaviours.push(what);
      }
      out.line(`    ${colors.green('holds')}  ${incident.behaviours.at(-1)?.what}`);
      const more = incident.behaviours.length - 1;
      if (more > 0) out.line(`           ${colors.dim(`and ${plural(more, 'promise')} more`)}`);
    }
    return {
      summary: [
        `${plural(statements, 'statement')} that failed now work, and ${behaviours.length} promised behaviours hold, under concurrency too`,
      ],
      facts: { statements, behaviours },
    };
  },
};
