import { printVerification } from '../cli/commands/verify';
import { indentTerminal } from '../cli/terminal/terminal';
import { marketplace } from './incidents';
import type { Act } from './stage';

const DRIFT_SQL = 'ALTER TABLE lead_purchases ALTER COLUMN id DROP DEFAULT';
const RESTORE_SQL = 'ALTER TABLE lead_purchases ALTER COLUMN id SET DEFAULT gen_random_uuid()';

/** Makes a change that no migration contains, and shows that `verify` notices it first. */
export const driftAct: Act = {
  title: 'A change that no migration made',
  play: async (stage) => {
    const { out } = stage;
    const { colors } = out;
    const operations = await stage.operations(marketplace);
    out.line(`  In ${marketplace.database}, by hand: ${colors.dim(DRIFT_SQL)}`);
    await stage.alone(marketplace, (client) => client.query(DRIFT_SQL));
    const found = await operations.verify();
    if (found.findings.length === 0) throw new Error('verify did not notice that the default is gone');
    printVerification(indentTerminal(stage.terminal), found, operations.label);
    await stage.alone(marketplace, (client) => client.query(RESTORE_SQL));
    const after = await operations.verify();
    if (after.findings.length > 0) throw new Error('verify still reports the restored default');
    out.line(`  Restored: ${colors.dim(RESTORE_SQL)}; verify finds nothing.`);
    return {
      summary: ['`verify` found a manually dropped default before it affected a user'],
      facts: { findings: found.findings },
    };
  },
};
