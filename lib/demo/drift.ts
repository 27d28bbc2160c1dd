import { printVerification } from '../cli/commands/verify';
import { indented } from '../cli/terminal/terminal';
import { marketplace } from './incidents';
import type { Act } from './stage';

const BEHIND_OUR_BACK = 'ALTER TABLE lead_purchases ALTER COLUMN id DROP DEFAULT';
const PUT_BACK = 'ALTER TABLE lead_purchases ALTER COLUMN id SET DEFAULT gen_random_uuid()';

/** A change that no migration made, and who notices it first. */
export const drift: Act = {
  title: "A change behind Trueup's back",
  play: async (stage) => {
    const { out } = stage;
    const { colors } = out;
    const operations = await stage.operations(marketplace);
    out.line(`  In ${marketplace.database}, by hand: ${colors.dim(BEHIND_OUR_BACK)}`);
    await stage.alone(marketplace, (client) => client.query(BEHIND_OUR_BACK));
    const found = await operations.verify();
    if (found.findings.length === 0) throw new Error('verify did not notice that the default is gone');
    printVerification(indented(stage.terminal), found, operations.label);
    await stage.alone(marketplace, (client) => client.query(PUT_BACK));
    const after = await operations.verify();
    if (after.findings.length > 0) throw new Error('verify still finds what was put back');
    out.line(`  Put back: ${colors.dim(PUT_BACK)}; verify finds nothing any more.`);
    return {
      summary: ['a default dropped by hand was found by `verify` before a user met it'],
      facts: { findings: found.findings },
    };
  },
};
