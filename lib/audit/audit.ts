/**
 * Audits a database: reads its catalog and data, compares it with the source it was moved from, and plans the
 * application's statements on both.
 */

import type { Catalog } from '../../lambda/audit/catalog';
import { countObjects } from '../../lambda/audit/catalog/objects';
import type { PartListener } from '../../lambda/audit/catalog/read';
import { compareCatalogs } from '../../lambda/audit/compare';
import type { Difference } from '../../lambda/audit/compare/difference';
import type { ScanDepth } from '../../lambda/audit/data/count-queries';
import { removeNeedlessGrants } from '../../lambda/audit/data/privileges';
import {
  countTargetRows,
  listEstimatesNotChecked,
  type TargetRowCounts,
} from '../../lambda/audit/data/row-counts';
import type { DatabaseSide, Evidence } from '../../lambda/audit/evidence';
import { findFailingStatements } from '../../lambda/audit/failing-statements';
import { formatCount } from '../../lambda/audit/names';
import { NO_SOURCE_NOT_CHECKED, type NotCheckedItem } from '../../lambda/audit/not-checked';
import type { Sessions } from '../../lambda/audit/short-transactions';
import type { SortedFindings } from '../../lambda/audit/suppressions';
import type { AuditCoverage, Suppression } from '../../lambda/contract/audit-findings';
import { AUDIT_KINDS } from '../../lambda/defects';
import { type AuditFinding, type AuditFindings, collectFindings } from '../../lambda/defects/findings';
import { findBehindSequences, type SequenceCheckResult } from '../../lambda/defects/sequence-behind-query';
import type { Database } from '../../lambda/postgres/database';
import type { WorkloadEntry } from '../workload/collect-workload';
import { runDataChecks } from './data';
import { planWorkload } from './planned-workload';
import { type Snapshot, type SnapshotOptions, takeSnapshot } from './snapshot';
import type { WrittenReport } from './write/report';

export interface AuditOptions {
  /**
   * Database that the target was moved from, or a snapshot of it. A function is called with the target's catalog and
   * returns the snapshot, for sources that are read in relation to the target.
   * @default - nothing to compare with
   */
  readonly source?: Database | Snapshot | ((target: Catalog) => Snapshot);
  /**
   * Statements of the application.
   * @default - the statements recorded by the source, or by the target if there is no source
   */
  readonly workload?: readonly WorkloadEntry[];
  /**
   * Whether to read the rows of all tables, whatever their size.
   * @default false
   */
  readonly fullScan?: boolean;
  /**
   * Second session of the target database. One session then queries rows while the other reads the catalog, and later
   * row queries are spread over both.
   * @default - all queries run one after another
   */
  readonly beside?: Database;
  /** Version of Trueup. */
  readonly version: string;
  readonly partBegins?: PartListener;
}

export interface AuditResult {
  /** Findings, the most certain first. */
  readonly findings: readonly AuditFinding[];
  /** Objects that were not checked, with the reason. They count neither as good nor as bad. */
  readonly notChecked: readonly NotCheckedItem[];
  readonly coverage: AuditCoverage;
}

export interface AuditWithComparison extends AuditResult {
  readonly compared: SnapshotComparison;
}

/** Data that the findings are derived from, for reports and repairs. */
export interface SnapshotComparison {
  readonly target: Snapshot;
  readonly source: Snapshot | null;
  readonly differences: readonly Difference[];
  readonly repairs: AuditFindings['repairs'];
}

/** An audit result after the suppressed findings were separated from the others. */
export interface AuditReport extends AuditResult {
  readonly suppressed: SortedFindings<AuditFinding>['suppressed'];
  /** Obsolete suppressions: they match no finding. */
  readonly obsolete: readonly Suppression[];
  /** Number of findings below the requested confidence, which are neither shown nor counted as failures. */
  readonly hidden: number;
  /**
   * Lost objects that no generated migration can restore, and what to do instead.
   * @default - not determined
   */
  readonly byHand?: WrittenReport['unwritten'];
  /**
   * Result of `--write`.
   * @default - no migrations were requested
   */
  readonly written?: WrittenReport;
}

/**
 * Runs the audit. It is read-only. The parser must be loaded.
 * @throws {TrueupError} if a schema kept changing while it was read
 * @throws {SqlError}
 */
export async function audit(target: Database, options: AuditOptions): Promise<AuditWithComparison> {
  const { source: from, version, fullScan = false, beside, partBegins = () => {} } = options;
  const both: Sessions = beside ? [target, beside] : [target];
  // Large tables are read one at a time: the application needs the disk as well.
  const sessions: Sessions = fullScan ? [target] : both;
  const [own, behind] = await takeSnapshots(both, { version, count: fullScan, partBegins });
  const isLive = from !== undefined && 'query' in from;
  const source = isLive
    ? await takeSnapshot(from, {
        version,
        count: fullScan,
        partBegins: (part) => partBegins(`${part} of the source`),
      })
    : typeof from === 'function'
      ? from(own.catalog)
      : from;
  const comparison = source
    ? compareCatalogs(source.catalog, own.catalog)
    : { differences: [], notChecked: [] };
  const differences = await removeNeedlessGrants(target, comparison.differences);

  partBegins('workload');
  const entries = options.workload ?? (source ?? own).workload;
  const planned = await planWorkload(entries, target, isLive ? from : null);
  partBegins('data');
  const depth: ScanDepth = { fullScan, looks: new Map() };
  const rows: TargetRowCounts = source
    ? await countTargetRows(sessions, own, source, depth)
    : { ...own, empty: [] };
  const data = await runDataChecks(sessions, behind, own, source ?? null, differences, depth);

  const evidence: Evidence = {
    target: { ...toComparisonSide(own), rows: rows.rows },
    source: source ? toComparisonSide(source) : null,
    differences,
    failing: findFailingStatements(planned.statements, differences),
    data: { ...data.answers, empty: rows.empty },
  };
  const { findings, repairs } = collectFindings(evidence);
  return {
    findings,
    notChecked: [
      ...rows.notChecked.filter(({ what }) => what !== 'workload' || entries === own.workload),
      ...[
        ...(source?.notChecked ?? []),
        ...(source ? listEstimatesNotChecked(own, source, isLive ? COUNT_BOTH_HINT : COUNT_HINT) : []),
      ]
        .filter(({ what }) => what !== 'workload' || entries === source?.workload)
        .map((each) => ({ ...each, what: `in the source: ${each.what}` })),
      ...(source ? [] : [NO_SOURCE_NOT_CHECKED]),
      ...comparison.notChecked,
      ...(source ? listNotCompared(source.catalog) : []),
      ...planned.notChecked,
      ...data.notChecked,
    ],
    coverage: {
      checks: AUDIT_KINDS.length,
      tables: own.catalog.tables.length,
      objects: countObjects(own.catalog),
      compared: source ? countObjects(source.catalog) : null,
      statements: entries.length,
      decided: planned.decided,
    },
    compared: { target: own, source: source ?? null, differences, repairs },
  };
}

/**
 * Reads the snapshot and checks the sequences, at the same time if there are two sessions: with thousands of tables,
 * the sequences take as long as the catalog.
 */
async function takeSnapshots(
  [first, second]: Sessions,
  options: SnapshotOptions,
): Promise<readonly [Snapshot, SequenceCheckResult]> {
  if (second) return Promise.all([takeSnapshot(first, options), findBehindSequences(second)]);
  const own = await takeSnapshot(first, options);
  return [own, await findBehindSequences(first)];
}

const COUNT_BOTH_HINT = '--full-scan counts the rows of both';
const COUNT_HINT = '`trueup snapshot --exact-counts` counts them';

const toComparisonSide = ({ catalog, sequenceValues: positions, rows }: Snapshot): DatabaseSide => ({
  catalog,
  positions,
  rows,
});

const listNotCompared = ({ foreignServers, subscriptions }: Catalog): readonly NotCheckedItem[] =>
  (
    [
      [foreignServers.length, 'foreign server'],
      [subscriptions.length, 'subscription'],
    ] as const
  )
    .filter(([count]) => count > 0)
    .map(([count, what]) => ({
      what: `${formatCount(count, what)} of the source`,
      why: count === 1 ? 'it is not compared' : 'they are not compared',
    }));
