/** Everything in schema trueup, as a run installs it. */
import { buildInstallSql } from '../../lambda/engine/ledger/schema';

export const INSTALL_SQL = buildInstallSql(null).join(';\n');
