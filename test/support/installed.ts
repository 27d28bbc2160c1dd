/** Everything in schema trueup, as a run installs it. */
import { installStatements } from '../../lambda/engine/ledger/schema';

export const INSTALL_SQL = installStatements(null).join(';\n');
