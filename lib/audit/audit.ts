/** Looks at a database, compares it with its source, and plans the application's statements on both: what is wrong with it. */
import type { Catalogue } from '../../lambda/audit/catalogue';
import type { PartBegins } from '../../lambda/audit/catalogue/read';
import { compare } from '../../lambda/audit/compare';
import type { Difference } from '../../lambda/audit/compare/difference';
import { countEach } from '../../lambda/audit/data/ask';
import { duplicatesWanted, orphansWanted } from '../../lambda/audit/data/counts';
import { withoutNeedless } from '../../lambda/audit/data/privileges';
import { countHere, estimatesOf, type RowsHere } from '../../lambda/audit/data/row-counts';
import { type DataAnswers, type Evidence, NO_ANSWERS, type Side } from '../../lambda/audit/evidence';
import { failingOf, type PlannedStatement } from '../../lambda/audit/failing';
import { type Finding, GRADES } from '../../lambda/audit/finding';
import { key, namesIn } from '../../lambda/audit/names';
import type { NotSeen } from '../../lambda/audit/not-seen';
import type { Verdict } from '../../lambda/contract/workload';
import { AUDIT_KINDS, type AuditedId } from '../../lambda/defects';
import { askSequences } from '../../lambda/defects/sequences';
import { type Database, SqlError } from '../../lambda/postgres/database';
import { PINNED_PATH } from '../../lambda/postgres/pinned';
import { planStatements } from '../../lambda/workload/plan';
import { questionsOf } from '../workload/rehearsal';
import { merge, type WorkloadEntry } from '../workload/workload';
import { type Snapshot, takeSnapshot } from './snapshot';

export interface AuditOptions {
  /** What the database was moved from: as it is, or as a snapshot has it. @default - nothing to compare with */
  readonly source?: Database | Snapshot;
  /** Files of statements. @default - those that the source, else the database itself, remembers */
  readonly workload?: readonly WorkloadEntry[];
  /** Tables of any size are read. @default false */
  readonly deep?: boolean;
  /** Of Trueup. */
  readonly version: string;
  readonly partBegins?: PartBegins;
}

export interface AuditFinding extends Finding {
  readonly id: AuditedId;
  /** The file that repairs it. */
  readonly fix: string | null;
}

export interface AuditResult {
  /** The surest first. */
  readonly findings: readonly AuditFinding[];
  /** What was not looked at: nothing of it is taken for whole. */
  readonly notSeen: readonly NotSeen[];
  readonly looked: Looked;
}

export interface Looked {
  /** Kinds of findings that were looked for. */
  readonly kinds: number;
  /** Of the database. */
  readonly tables: number;
  readonly objects: number;
  /** Of the source, each looked up in the database. @default - there is no source */
  readonly compared: number | null;
  /** Statements that were planned, and how many of them say something. */
  readonly statements: number;
  readonly decided: number;
}

/**
 * Reads only. The parser must be ready.
 * @throws {TrueupError} where a schema kept changing
 * @throws {SqlError}
 */
export async function audit(target: Database, options: AuditOptions): Promise<AuditResult> {
  const { source: from, version, deep = false, partBegins = () => {} } = options;
  const own = await takeSnapshot(target, { version, count: deep, partBegins });
  const isLive = from !== undefined && 'query' in from;
  const source = isLive
    ? await takeSnapshot(from, {
        version,
        count: deep,
        partBegins: (part) => partBegins(`${part} of the source`),
      })
    : from;
  const comparison = source ? compare(source.catalogue, own.catalogue) : { differences: [], notSeen: [] };
  const differences = await withoutNeedless(target, comparison.differences);

  partBegins('workload');
  const entries = options.workload ?? (source ?? own).workload;
  const planned = await plan(entries, target, isLive ? from : null);
  partBegins('data');
  const rows: RowsHere = source ? await countHere(target, own, source, { deep }) : { ...own, empty: [] };
  const data = await askData(target, own, source ?? null, differences, deep);

  const evidence: Evidence = {
    target: { ...sideOf(own), rows: rows.rows },
    source: source ? sideOf(source) : null,
    differences,
    failing: failingOf(planned.statements, differences),
    data: { ...data.answers, empty: rows.empty },
  };
  return {
    findings: findingsOf(evidence),
    notSeen: [
      ...rows.notSeen.filter(({ what }) => what !== 'workload' || entries === own.workload),
      ...[
        ...(source?.notSeen ?? []),
        ...(source ? estimatesOf(own, source, isLive ? COUNT_BOTH : COUNT_IT) : []),
      ]
        .filter(({ what }) => what !== 'workload' || entries === source?.workload)
        .map((each) => ({ ...each, what: `in the source: ${each.what}` })),
      ...(source ? [] : [{ what: 'what was lost', why: 'no source to compare with was given (--from)' }]),
      ...comparison.notSeen,
      ...(source ? foreignServers(source.catalogue) : []),
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
  };
}

const COUNT_BOTH = '--deep counts the rows of both';
const COUNT_IT = '`trueup snapshot --count` counts them';

const sideOf = ({ catalogue, positions, rows }: Snapshot): Side => ({ catalogue, positions, rows });

/** By grade, then by object; the same finding is said once. */
export function findingsOf(evidence: Evidence): readonly AuditFinding[] {
  const all = AUDIT_KINDS.flatMap(({ id, audit: { find } }) =>
    find(evidence).map(
      ({ grade, object, message, evidence: lines }): AuditFinding => ({
        id: id as AuditedId,
        grade,
        object,
        message,
        evidence: lines,
        fix: null,
      }),
    ),
  );
  const once = new Map(all.map((each) => [key(each.id, each.object, each.message), each]));
  return [...once.values()].sort(
    (a, b) =>
      GRADES.indexOf(a.grade) - GRADES.indexOf(b.grade) ||
      compareTexts(a.object, b.object) ||
      compareTexts(a.id, b.id),
  );
}

const compareTexts = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const objectsIn = ({ database: _, others: __, ...lists }: Catalogue): number =>
  Object.values(lists).reduce((sum, { length }) => sum + length, 0);

const foreignServers = ({ foreignServers: servers }: Catalogue): readonly NotSeen[] =>
  servers.length === 0
    ? []
    : [{ what: `${servers.length} foreign servers of the source`, why: 'they are not compared' }];

const PLAN_BUDGET_MS = 5 * 60_000;

interface Planned {
  readonly statements: readonly PlannedStatement[];
  readonly decided: number;
  readonly notSeen: readonly NotSeen[];
}

/** On the source as well, where it answers: what fails on both is no loss. */
async function plan(
  entries: readonly WorkloadEntry[],
  target: Database,
  source: Database | null,
): Promise<Planned> {
  const questions = questionsOf(merge([{ entries, leftOut: new Map() }]).entries);
  if (questions.length === 0)
    return {
      statements: [],
      decided: 0,
      notSeen: [{ what: 'statements of the application', why: 'there are none to plan' }],
    };
  const here = await planStatements(target, questions, { budgetMs: PLAN_BUDGET_MS });
  const there =
    source === null ? null : await planStatements(source, questions, { budgetMs: PLAN_BUDGET_MS });
  const statements = questions.map(({ text, sender: { calls } }, i) => ({
    text,
    calls,
    target: here[i]!,
    source: there?.[i] ?? null,
  }));
  const open = new Map<string, Set<string>>();
  for (const { text, target: verdict, source: before } of statements) {
    const why =
      verdict.outcome === 'undecided'
        ? verdict.why
        : failsToo(verdict, before)
          ? 'it fails on the source as well'
          : null;
    if (why !== null) open.set(why, (open.get(why) ?? new Set()).add(text));
  }
  const undecided = new Set([...open.values()].flatMap((texts) => [...texts]));
  return {
    statements,
    decided: entries.length - undecided.size,
    notSeen: [...open].map(([why, texts]) => ({
      what: `${texts.size} of ${entries.length} statements`,
      why,
    })),
  };
}

const failsToo = ({ outcome }: Verdict, before: Verdict | null): boolean =>
  outcome !== 'plans' && (before?.outcome === 'fails' || before?.outcome === 'would-fail');

const PROBE_SETTINGS = { search_path: PINNED_PATH, statement_timeout: '10000', lock_timeout: '50' };

async function askData(
  db: Database,
  own: Snapshot,
  source: Snapshot | null,
  differences: readonly Difference[],
  deep: boolean,
): Promise<{ answers: DataAnswers; notSeen: readonly NotSeen[] }> {
  const behind = await behindOf(db);
  const keys = duplicatesWanted(source?.catalogue ?? null, own.catalogue, differences, deep);
  const duplicates = await countEach(db, 'duplicates', keys.counts, { deep });
  const references = orphansWanted(source?.catalogue ?? null, own.catalogue, differences);
  const orphans = await countEach(db, 'orphaned rows', references.counts, { deep });
  return {
    answers: {
      ...NO_ANSWERS,
      behind: behind.behind,
      duplicates: duplicates.counts.map(({ about, count }) => ({ ...about, groups: count })),
      orphans: orphans.counts.map(({ about, count }) => ({ ...about, rows: count })),
    },
    notSeen: [
      ...behind.notSeen,
      ...keys.notSeen,
      ...duplicates.notSeen,
      ...references.notSeen,
      ...orphans.notSeen,
      ...(deep
        ? []
        : [
            { what: 'duplicates under unique indexes that are there', why: 'only --deep reads whole tables' },
          ]),
    ],
  };
}

async function behindOf(
  db: Database,
): Promise<Pick<DataAnswers, 'behind'> & { notSeen: readonly NotSeen[] }> {
  const what = 'whether a sequence is behind its column';
  try {
    const seen = (await askSequences(db, PROBE_SETTINGS)).map(({ table, column, sequence, taken }) => {
      const [of, from] = [namesIn(table), namesIn(sequence)];
      return {
        taken,
        sequence: { schema: from[0]!, name: from[1]! },
        table: { schema: of[0]!, name: of[1]! },
        column: namesIn(column)[0]!,
      };
    });
    return {
      behind: seen.filter(({ taken }) => taken === true),
      notSeen: seen
        .filter(({ taken }) => taken === null)
        .map(({ table }) => ({
          what,
          of: table,
          why: 'the role may not read it, or row security hides rows from it',
        })),
    };
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    return { behind: [], notSeen: [{ what, why: `the server refused (SQLSTATE ${error.sqlstate})` }] };
  }
}
