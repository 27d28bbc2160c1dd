/** Audits through the deployed function of a stack, which cannot check what needs a source or a parser. */
import type { AuditedFinding, FunctionAudit, Suppression } from '../../../lambda/contract/audit-findings';
import type { AuditFindingId } from '../../../lambda/defects';
import type { AuditFinding } from '../../../lambda/defects/findings';
import type { AuditResult } from '../../audit/audit';
import { findMigrateFunction } from './migrate-function';
import type { RemoteOptions } from './remote';

export interface RemoteAudit extends AuditResult {
  /** Findings that the deployed code accepts. */
  readonly suppressions: readonly Suppression[];
}

/**
 * Runs the audit in the deployed function.
 * @throws {TrueupError} if the function does not respond
 */
export async function auditRemotely({ stackName, namespace }: RemoteOptions): Promise<RemoteAudit> {
  const call = await findMigrateFunction(stackName, 'ask', namespace);
  const response = await call({ action: 'audit' });
  if (response.action !== 'audit') throw new Error(`the function answered ${response.action} to audit`);
  const audit: FunctionAudit = response.audit;
  return { ...audit, findings: audit.findings.map(toAuditFinding) };
}

/**
 * Converts a finding. A function of another version may report checks that this version does not know; they are shown
 * by their id.
 */
const toAuditFinding = ({ id, confidence, object, message, evidence }: AuditedFinding): AuditFinding => ({
  id: id as AuditFindingId,
  confidence,
  object,
  message,
  evidence,
  fix: null,
});
