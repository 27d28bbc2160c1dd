/** What the page is made of. */
import type { Grade } from '../../../lambda/audit/finding';
import type { AuditReport, Compared } from '../audit';
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
