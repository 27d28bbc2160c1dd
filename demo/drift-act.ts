import { printVerification } from '../lib/cli/commands/verify';
import { marketplace } from '../test/incidents';
import type { Act } from './stage';

const DRIFT_SQL = 'ALTER TABLE lead_purchases ALTER COLUMN id DROP DEFAULT';
const RESTORE_SQL = 'ALTER TABLE lead_purchases ALTER COLUMN id SET DEFAULT gen_random_uuid()';

/** Makes a change that no migration contains, and shows that `verify` notices it first. */
export const driftAct: Act = {
  title: 'A change that no migration made',
  play: async (stage) => {
    const { out, indented } = stage;
    const { database, folder } = marketplace;
    const operations = await stage.openOperations(folder);
    out.line(`  In ${database}, by hand: ${out.colors.dim(DRIFT_SQL)}`);
    await stage.withClient(database, (client) => client.query(DRIFT_SQL));
    const found = await operations.verify();
    if (found.findings.length === 0) throw new Error('verify did not notice that the default is gone');
    printVerification(indented, found, operations.label);
    await stage.withClient(database, (client) => client.query(RESTORE_SQL));
    const after = await operations.verify();
    if (after.findings.length > 0) throw new Error('verify still reports the restored default');
    out.line(`  Restored: ${out.colors.dim(RESTORE_SQL)}; verify finds nothing.`);
    return {
      summary: '`verify` found a manually dropped default before it affected a user',
      facts: { findings: found.findings },
    };
  },
};
