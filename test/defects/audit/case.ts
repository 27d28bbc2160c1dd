/** One case of a kind that an audit finds: a database that has the defect, and one that has not. */
import type { Confidence } from '../../../lambda/audit/finding';
import type { AuditFindingId } from '../../../lambda/defects';

export interface AuditCase {
  /** What the database was moved from. @default - there is no source */
  readonly source?: string;
  /** After CREATE DATABASE, of the source. @default - as all others */
  readonly sourceDatabase?: string;
  readonly bad: string;
  /** @default - the same as the source */
  readonly good?: string;
  /** Statements of the application. */
  readonly workload?: string;
  readonly fullScan?: boolean;
  /** What is found of `bad`, and nothing else is. */
  readonly confidence: Confidence;
  readonly object: string;
  /** A kind that is found with it: one does not come without the other. @default - it is found alone */
  readonly with?: AuditFindingId;
  /** Of majors from this one on. */
  readonly from?: number;
  /** For docs: what comes after `source`, where `bad` repeats it. @default `bad` */
  readonly shownBad?: string;
}

/** The source, and what was changed after it was copied. */
export const moved = (source: string, lost: string): Pick<AuditCase, 'source' | 'bad' | 'shownBad'> => ({
  source,
  bad: `${source}\n${lost}`,
  shownBad: lost,
});
