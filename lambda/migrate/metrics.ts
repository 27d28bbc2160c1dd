/**
 * Metrics in CloudWatch's embedded metric format. CloudWatch Logs turns such log lines into metrics, so a function in
 * an isolated subnet needs no endpoint for them
 * (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html).
 */
import type { AuditDrift } from '../contract/audit-findings';
import type { FleetDrift } from '../contract/fleet-drift';
import type { DriftReport } from '../contract/migrate';
import { countTenantsWith } from '../fleet/drift';

/** Namespace of all Trueup metrics. */
export const METRIC_NAMESPACE = 'Trueup';
/**
 * Dimension of the drift check's metrics. Two stacks in one account may use the same ledger namespace, but never the
 * same function name.
 */
export const FUNCTION_DIMENSION = 'FunctionName';

export const DRIFT_METRICS = {
  /** 1 for each check that completed. */
  checked: 'DriftChecked',
  /** Number of findings of verify sections, plus verify sections that could not run. */
  drift: 'Drift',
  /** Number of log settings that hide errors from the alarms. */
  blind: 'LoggingProblems',
  /** Number of migrations in the manifest that are not applied. */
  pending: 'PendingMigrations',
  /** Number of applied migrations whose verify section passed. */
  verified: 'VerifiedMigrations',
  /**
   * Number of statements of the guaranteed workload whose planning now has a worse result than when they were recorded. Absent if no workload
   * is guaranteed.
   */
  workload: 'BrokenStatements',
  /** Number of audit findings that are not suppressed. Absent if the audit could not run. */
  findings: 'AuditFindings',
  /** Number of these findings that have not been paged; all of them if the ledger cannot store findings. */
  unpaged: 'NewFindings',
  /**
   * Number of tenants that were due for a check but not reached in time. For fleets only, where the other metrics count
   * tenants too.
   */
  notReached: 'TenantsNotReached',
  /** Number of databases of a fleet that could not be queried. */
  unreachable: 'UnreachableDatabases',
} as const;

export function buildDriftMetrics(
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
    [DRIFT_METRICS.verified]: verification.verified.length,
    ...(workload === null || workload.problem !== null ? {} : { [DRIFT_METRICS.workload]: workload.broken }),
    ...(audit === null ? {} : buildAuditMetrics(audit)),
  };
  return buildEmbeddedMetrics(functionName, values, nowMs);
}

/**
 * Returns a fleet's metrics. They have the same names so that the same alarms apply. Each counts tenants, except that
 * audit metrics count checks.
 */
export function buildFleetMetrics(
  functionName: string,
  report: FleetDrift,
  nowMs: number,
): Record<string, unknown> {
  const { checked: looked, notReached, deploying, findings: kinds, unpaged, logging, audited } = report;
  const of = (kind: string): number => countTenantsWith(report, kind);
  const drifted = new Set(TENANT_FINDING_KINDS);
  const findings = kinds.filter(({ kind }) => !drifted.has(kind));
  const values = {
    [DRIFT_METRICS.checked]: 1,
    [DRIFT_METRICS.drift]: of('drift') + of('verify-error'),
    [DRIFT_METRICS.blind]: logging.length,
    ...(deploying ? {} : { [DRIFT_METRICS.pending]: of('pending') }),
    [DRIFT_METRICS.verified]: looked - of('drift') - of('verify-error') - of('not-checked'),
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
  return buildEmbeddedMetrics(functionName, values, nowMs);
}

/** Metrics that count tenants. All others count audit findings. */
const TENANT_FINDING_KINDS = [
  'drift',
  'verify-error',
  'not-checked',
  'pending',
  'workload',
  'unreachable',
  'not-readable',
];

function buildEmbeddedMetrics(
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

/** Returns no values for an audit that could not run: neither zero nor a problem would be true. */
function buildAuditMetrics({ found, unpaged, problem }: AuditDrift): Record<string, number> {
  if (unpaged !== null && problem !== null) return {};
  return { [DRIFT_METRICS.findings]: found, [DRIFT_METRICS.unpaged]: unpaged ?? found };
}
