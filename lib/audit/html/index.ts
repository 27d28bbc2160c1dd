/** Renders an audit as one self-contained HTML page. This module is loaded only for `--html`. Pure. */
import type { ReportInput } from './input';
import { renderReportPage } from './page';

export { MAX_FINDINGS } from './page';
export { NO_REPAIRS } from './repairs';

export const renderReport = (input: ReportInput): string => renderReportPage(input).toString();
