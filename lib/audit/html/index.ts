/** An audit as one page that needs no network: loaded for `--html` alone. Pure. */
import type { ReportInput } from './input';
import { pageOf } from './page';

export { MOST_FINDINGS } from './page';
export { NO_REPAIRS } from './repairs';

export const reportPage = (input: ReportInput): string => pageOf(input).toString();
