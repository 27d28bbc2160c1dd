/** Input of the HTML page. */
import type { Confidence } from '../../../lambda/audit/finding';
import type { AuditReport, SnapshotComparison } from '../audit';
import type { Repairs } from './repairs';

export interface ReportInput {
  readonly report: AuditReport;
  readonly compared: SnapshotComparison;
  /** The database as shown to people, without its password. */
  readonly where: string;
  /** The source as shown to people: a database or the name of a file; `null` if there is none. */
  readonly from: string | null;
  /** Lowest confidence that was requested. */
  readonly minConfidence: Confidence;
  readonly repairs: Repairs;
}
