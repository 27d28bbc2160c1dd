/** Looks at a database, compares it with its source, and plans the application's statements on both: what is wrong with it. */
import type { Sorted } from '../../lambda/audit/accepted';
import type { Catalogue } from '../../lambda/audit/catalogue';
import { objectsIn } from '../../lambda/audit/catalogue/objects';
import type { PartBegins } from '../../lambda/audit/catalogue/read';
import { compare } from '../../lambda/audit/compare';
import type { Difference } from '../../lambda/audit/compare/difference';
import type { Depth } from '../../lambda/audit/data/ask';
import { withoutNeedless } from '../../lambda/audit/data/privileges';
import { countHere, estimatesOf, type RowsHere } from '../../lambda/audit/data/row-counts';
import type { Evidence, Side } from '../../lambda/audit/evidence';
import { failingOf } from '../../lambda/audit/failing';
import { plural } from '../../lambda/audit/names';
import { type NotSeen, WITHOUT_SOURCE } from '../../lambda/audit/not-seen';
import type { Sessions } from '../../lambda/audit/short-transactions';
import type { Accepted, Looked } from '../../lambda/contract/audit';
import { AUDIT_KINDS } from '../../lambda/defects';
import { type BehindHere, behindHere } from '../../lambda/defects/behind-here';
import { type AuditFinding, type Findings, findingsOf } from '../../lambda/defects/findings';
import type { Database } from '../../lambda/postgres/database';
import type { WorkloadEntry } from '../workload/workload';
import { askData } from './data';
import { type Snapshot, type TakeOptions, takeSnapshot } from './snapshot';
import { planWorkload } from './statements';
import type { WrittenReport } from './write/report';

export interface AuditOptions {
  /**
   * What the database was moved from: as it is, or as a snapshot has it; or read when it is known what it is compared
   * with.
   * @default - nothing to compare with
   */
  readonly source?: Database | Snapshot | ((target: Catalogue) => Snapshot);
  /** Files of statements. @default - those that the source, else the database itself, remembers */
  readonly workload?: readonly WorkloadEntry[];
  /** Tables of any size are read. @default false */
  readonly deep?: boolean;
  /**
   * A second session of the database that is looked at: its rows are asked while the catalogue is read, and over both.
   * @default - one thing after the other
   */
  readonly beside?: Database;
  /** Of Trueup. */
  readonly version: string;
  readonly partBegins?: PartBegins;
}

export interface AuditResult {
  /** The surest first. */
  readonly findings: readonly AuditFinding[];
  /** What was not looked at: nothing of it is taken for whole. */
  readonly notSeen: readonly NotSeen[];
  readonly looked: Looked;
}

export interface Audited extends AuditResult {
  readonly compared: Compared;
}

/** What the findings come from, for whoever shows or mends them. */
export interface Compared {
  readonly target: Snapshot;
  readonly source: Snapshot | null;
  readonly differences: readonly Difference[];
  readonly mends: Findings['mends'];
}

/** Sorted by what is accepted. */
export interface AuditReport extends AuditResult {
  readonly accepted: Sorted<AuditFinding>['accepted'];
  /** Accepted, and found no more. */
  readonly gone: readonly Accepted[];
  /** How many are less sure than was asked for: they are neither shown nor judged. */
  readonly hidden: number;
  /** @default - nothing was to be written */
  readonly written?: WrittenReport;
}

/**
 * Reads only. The parser must be ready.
 * @throws {TrueupError} where a schema kept changing
 * @throws {SqlError}
 */
export async function audit(target: Database, options: AuditOptions): Promise<Audited> {
  const { source: from, version, deep = false, beside, partBegins = () => {} } = options;
  const both: Sessions = beside ? [target, beside] : [target];
  // Large tables are read one at a time: the application needs the disk as well.
  const sessions: Sessions = deep ? [target] : both;
  const [own, behind] = await takeBoth(both, { version, count: deep, partBegins });
  const isLive = from !== undefined && 'query' in from;
  const source = isLive
    ? await takeSnapshot(from, {
        version,
        count: deep,
        partBegins: (part) => partBegins(`${part} of the source`),
      })
    : typeof from === 'function'
      ? from(own.catalogue)
      : from;
  const comparison = source ? compare(source.catalogue, own.catalogue) : { differences: [], notSeen: [] };
  const differences = await withoutNeedless(target, comparison.differences);

  partBegins('workload');
  const entries = options.workload ?? (source ?? own).workload;
  const planned = await planWorkload(entries, target, isLive ? from : null);
  partBegins('data');
  const depth: Depth = { deep, looks: new Map() };
  const rows: RowsHere = source ? await countHere(sessions, own, source, depth) : { ...own, empty: [] };
  const data = await askData(sessions, behind, own, source ?? null, differences, depth);

  const evidence: Evidence = {
    target: { ...sideOf(own), rows: rows.rows },
    source: source ? sideOf(source) : null,
    differences,
    failing: failingOf(planned.statements, differences),
    data: { ...data.answers, empty: rows.empty },
  };
  const { findings, mends } = findingsOf(evidence);
  return {
    findings,
    notSeen: [
      ...rows.notSeen.filter(({ what }) => what !== 'workload' || entries === own.workload),
      ...[
        ...(source?.notSeen ?? []),
        ...(source ? estimatesOf(own, source, isLive ? COUNT_BOTH : COUNT_IT) : []),
      ]
        .filter(({ what }) => what !== 'workload' || entries === source?.workload)
        .map((each) => ({ ...each, what: `in the source: ${each.what}` })),
      ...(source ? [] : [WITHOUT_SOURCE]),
      ...comparison.notSeen,
      ...(source ? notCompared(source.catalogue) : []),
      ...planned.notSeen,
      ...data.notSeen,
    ],
    looked: {
      kinds: AUDIT_KINDS.length,
      tables: own.catalogue.tables.length,
      objects: objectsIn(own.catalogue),
      compared: source ? objectsIn(source.catalogue) : null,
      statements: entries.length,
      decided: planned.decided,
    },
    compared: { target: own, source: source ?? null, differences, mends },
  };
}

/** A server takes as long for the sequences of thousands of tables as for their catalogue. */
async function takeBoth(
  [first, second]: Sessions,
  options: TakeOptions,
): Promise<readonly [Snapshot, BehindHere]> {
  if (second) return Promise.all([takeSnapshot(first, options), behindHere(second)]);
  const own = await takeSnapshot(first, options);
  return [own, await behindHere(first)];
}

const COUNT_BOTH = '--deep counts the rows of both';
const COUNT_IT = '`trueup snapshot --count` counts them';

const sideOf = ({ catalogue, positions, rows }: Snapshot): Side => ({ catalogue, positions, rows });

const notCompared = ({ foreignServers, subscriptions }: Catalogue): readonly NotSeen[] =>
  (
    [
      [foreignServers.length, 'foreign server'],
      [subscriptions.length, 'subscription'],
    ] as const
  )
    .filter(([count]) => count > 0)
    .map(([count, what]) => ({
      what: `${plural(count, what)} of the source`,
      why: count === 1 ? 'it is not compared' : 'they are not compared',
    }));
