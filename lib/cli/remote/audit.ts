/** The audit of the deployed function of a stack: what needs a source or a parser is not seen. */
import type { Accepted, AuditedFinding, FunctionAudit } from '../../../lambda/contract/audit';
import type { AuditedId } from '../../../lambda/defects';
import type { AuditFinding } from '../../../lambda/defects/findings';
import type { AuditResult } from '../../audit/audit';
import { migrateFunction } from './migrate-function';
import type { RemoteOptions } from './remote';

export interface RemoteAudit extends AuditResult {
  /** By the code that is deployed. */
  readonly accepted: readonly Accepted[];
}

/** @throws {TrueupError} when the function does not answer */
export async function auditRemotely({ stackName, namespace }: RemoteOptions): Promise<RemoteAudit> {
  const call = await migrateFunction(stackName, 'ask', namespace);
  const response = await call({ action: 'audit' });
  if (response.action !== 'audit') throw new Error(`the function answered ${response.action} to audit`);
  const audit: FunctionAudit = response.audit;
  return { ...audit, findings: audit.findings.map(findingOf) };
}

/** A function of another version may know kinds that this one does not: they are shown by their id all the same. */
const findingOf = ({ id, grade, object, message, evidence }: AuditedFinding): AuditFinding => ({
  id: id as AuditedId,
  grade,
  object,
  message,
  evidence,
  fix: null,
});
