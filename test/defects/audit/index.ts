/** The cases of every kind that an audit finds. A kind without cases does not compile. */
import type { AuditFindingId } from '../../../lambda/defects';
import { ALONE } from './alone';
import type { AuditCase } from './case';
import { LOST } from './lost';

const IDS = [...new Set([...Object.keys(LOST), ...Object.keys(ALONE)])] as AuditFindingId[];

/** Those without a source first. */
export const AUDIT_CASES: ReadonlyMap<AuditFindingId, readonly AuditCase[]> = new Map(
  IDS.map((id) => [
    id,
    [
      ...((LOST as Partial<Record<AuditFindingId, readonly AuditCase[]>>)[id] ?? []),
      ...((ALONE as Partial<Record<AuditFindingId, readonly AuditCase[]>>)[id] ?? []),
    ],
  ]),
);
