/** An audit as one page that needs no network: loaded for `--html` alone. Pure. */
import type { Grade } from '../../../lambda/audit/finding';
import type { AuditReport, Compared } from '../audit';
import { pageOf } from './page';
import type { Repairs } from './repairs';

export interface ReportInput {
  readonly report: AuditReport;
  readonly compared: Compared;
  /** The database, for people; without its password. */
  readonly where: string;
  /** What it was compared with: a database or the name of a file. @default - nothing */
  readonly from: string | null;
  /** The least sure findings that were asked for. */
  readonly minGrade: Grade;
  readonly repairs: Repairs;
}

export { MOST_FINDINGS } from './page';
export { NO_REPAIRS } from './repairs';

export const reportPage = (input: ReportInput): string => pageOf(input).toString();
