/**
 * Metrics in CloudWatch's embedded metric format: a log line that CloudWatch Logs turns into metrics, so that a function
 * in an isolated subnet needs no endpoint for them
 * (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html).
 */
import type { AuditDrift } from '../contract/audit';
import type { FleetDrift } from '../contract/fleet-drift';
import type { DriftReport } from '../contract/migrate';
import { tenantsWith } from '../fleet/drift';

/** Of all of Trueup's metrics. */
export const METRIC_NAMESPACE = 'Trueup';
/** The dimension of the drift check's metrics. Two stacks of an account may have namespaces of one name, but not functions. */
export const FUNCTION_DIMENSION = 'FunctionName';

export const DRIFT_METRICS = {
  /** 1 for each check that ran to its end. */
  checked: 'DriftChecked',
  /** What verify sections found, and verify sections that could not run. */
  drift: 'Drift',
  /** Log settings that hide errors from the alarms. */
  blind: 'LoggingProblems',
  /** Migrations in the manifest that are not applied. */
  pending: 'PendingMigrations',
  /** Applied migrations that are proved. */
  proved: 'ProvedMigrations',
  /** Statements of the running application that no longer plan as when they were promised. None where none are promised. */
  workload: 'BrokenStatements',
  /** Findings of the audit that are not accepted. None where it could not look. */
  findings: 'AuditFindings',
  /** Of these, what nobody was told of; all of them where the ledger cannot remember. */
  unpaged: 'NewFindings',
  /** Of a fleet, where the others count tenants: those whose turn it was and that were not reached in time. */
  notReached: 'TenantsNotReached',
  /** Databases of a fleet that could not be asked. */
  unreachable: 'UnreachableDatabases',
} as const;

export function driftMetrics(
  functionName: string,
  report: DriftReport,
  nowMs: number,
): Record<string, unknown> {
  const { verification, logging, workload = null, audit = null } = report;
  const values = {
    [DRIFT_METRICS.checked]: 1,
    [DRIFT_METRICS.drift]: verification.findings.length + verification.errors.length,
    [DRIFT_METRICS.blind]: logging.length,
    [DRIFT_METRICS.pending]: verification.pending.length,
    [DRIFT_METRICS.proved]: verification.proved.length,
    ...(workload === null || workload.problem !== null ? {} : { [DRIFT_METRICS.workload]: workload.broken }),
    ...(audit === null ? {} : auditMetrics(audit)),
  };
  return embedded(functionName, values, nowMs);
}

/** The same names, so that the same alarms fit: each is a number of tenants; of the audit's findings, a number of kinds. */
export function fleetMetrics(
  functionName: string,
  report: FleetDrift,
  nowMs: number,
): Record<string, unknown> {
  const { looked, notReached, deploying, kinds, unpaged, logging, audited } = report;
  const of = (kind: string): number => tenantsWith(report, kind);
  const drifted = new Set(OF_TENANTS);
  const findings = kinds.filter(({ kind }) => !drifted.has(kind));
  const values = {
    [DRIFT_METRICS.checked]: 1,
    [DRIFT_METRICS.drift]: of('drift') + of('unproved'),
    [DRIFT_METRICS.blind]: logging.length,
    ...(deploying ? {} : { [DRIFT_METRICS.pending]: of('pending') }),
    [DRIFT_METRICS.proved]: looked - of('drift') - of('unproved'),
    [DRIFT_METRICS.workload]: of('workload'),
    ...(audited > 0
      ? {
          [DRIFT_METRICS.findings]: findings.length,
          [DRIFT_METRICS.unpaged]: unpaged ?? findings.length,
        }
      : {}),
    [DRIFT_METRICS.notReached]: notReached,
    [DRIFT_METRICS.unreachable]: of('unreachable'),
  };
  return embedded(functionName, values, nowMs);
}

/** The others are the audit's kinds. */
const OF_TENANTS = ['drift', 'unproved', 'pending', 'workload', 'unreachable', 'not-seen'];

function embedded(
  functionName: string,
  values: Readonly<Record<string, number>>,
  nowMs: number,
): Record<string, unknown> {
  return {
    _aws: {
      Timestamp: nowMs,
      CloudWatchMetrics: [
        {
          Namespace: METRIC_NAMESPACE,
          Dimensions: [[FUNCTION_DIMENSION]],
          Metrics: Object.keys(values).map((Name) => ({ Name, Unit: 'Count' })),
        },
      ],
    },
    [FUNCTION_DIMENSION]: functionName,
    ...values,
  };
}

/** What could not look counts as neither well nor ill. */
function auditMetrics({ found, unpaged, problem }: AuditDrift): Record<string, number> {
  if (unpaged !== null && problem !== null) return {};
  return { [DRIFT_METRICS.findings]: found, [DRIFT_METRICS.unpaged]: unpaged ?? found };
}
