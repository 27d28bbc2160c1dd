/**
 * A read-only audit that runs inside the function. It covers the catalog and statements, without a source database, a
 * parser or table scans.
 */
import type { Catalog } from '../audit/catalog';
import { countObjects } from '../audit/catalog/objects';
import { readCatalog } from '../audit/catalog/read';
import { NO_ANSWERS } from '../audit/evidence';
import { findFailingStatements, type PlannedStatement } from '../audit/failing-statements';
import {
  listUncheckedOfCatalog,
  NO_FULL_SCAN_NOT_CHECKED,
  NO_SOURCE_NOT_CHECKED,
  type NotCheckedItem,
} from '../audit/not-checked';
import type { AuditCoverage, FunctionAudit } from '../contract/audit-findings';
import { AUDIT_KINDS } from '../defects';
import { type AuditFinding, collectFindings } from '../defects/findings';
import { findBehindSequences } from '../defects/sequence-behind-query';
import { readWorkloadPart } from '../engine/guard/running-workload';
import type { EngineContext } from '../engine/run';
import { withDatabase } from '../engine/time/session';
import { type Database, SqlError } from '../postgres/database';
import { planStatements } from '../workload/plan-statements';

export interface PlannedWorkload {
  readonly planned: readonly PlannedStatement[];
  readonly statements: number;
  readonly decided: number;
  readonly notChecked: readonly NotCheckedItem[];
}

export interface AuditRun {
  /** Findings, the most certain first. */
  readonly findings: readonly AuditFinding[];
  readonly notChecked: readonly NotCheckedItem[];
  /** The entries of `notChecked` that concern sequences. */
  readonly sequencesNotSeen: readonly NotCheckedItem[];
  readonly coverage: AuditCoverage;
  /**
   * Whether the schema changed during every attempt to read it, so that objects may appear in an old or a new state.
   */
  readonly moved: boolean;
}

/**
 * Audits the database behind `db`.
 * @throws {TrueupError} if the schema kept changing
 * @throws {SqlError}
 */
export async function runAudit(db: Database, seen: PlannedWorkload): Promise<AuditRun> {
  const { catalog, moved } = await readCatalog(db);
  const { behind, notChecked: sequencesNotSeen } = await findBehindSequences(db);
  const { findings } = collectFindings({
    target: { catalog, positions: [], rows: [] },
    source: null,
    differences: [],
    failing: findFailingStatements(seen.planned, []),
    data: { ...NO_ANSWERS, behind },
  });
  return {
    findings,
    notChecked: [
      ...listUncheckedOfCatalog({ catalog, moved }),
      NO_SOURCE_NOT_CHECKED,
      ...seen.notChecked,
      ...sequencesNotSeen,
      ...(catalog.functions.length > 0 ? [BODIES_NOT_CHECKED] : []),
      NO_FULL_SCAN_NOT_CHECKED,
    ],
    sequencesNotSeen,
    coverage: buildCoverage(catalog, seen),
    moved,
  };
}

const buildCoverage = (catalog: Catalog, { statements, decided }: PlannedWorkload): AuditCoverage => ({
  checks: AUDIT_KINDS.length,
  tables: catalog.tables.length,
  objects: countObjects(catalog),
  compared: null,
  statements,
  decided,
});

const BODIES_NOT_CHECKED: NotCheckedItem = {
  what: 'bodies of functions',
  why: 'the Lambda function has no parser for them',
};

/** Share of the remaining invocation time that planning may take. Reading the catalog needs time too. */
const WORKLOAD_PLANNING_SHARE = 0.5;

/** Audits the database for an external caller, planning the whole guaranteed workload. @throws {TrueupError} */
export const auditNamespace = (ctx: EngineContext, namespace: string): Promise<FunctionAudit> =>
  withDatabase(ctx, async (db) => {
    const seen = await planGuaranteedWorkload(
      db,
      namespace,
      (ctx.deadline - Date.now()) * WORKLOAD_PLANNING_SHARE,
    );
    const { findings, notChecked, coverage } = await runAudit(db, seen);
    return fitToResponse({
      findings,
      notChecked,
      coverage: coverage,
      suppressions: ctx.manifest.suppressions ?? [],
    });
  });

const NO_WORKLOAD_NOT_CHECKED: NotCheckedItem = {
  what: 'statements of the application',
  why: 'no deployment with a workload has succeeded, so the ledger has none to plan',
};

/**
 * Plans the statements of the guaranteed workload. Those in `pg_stat_statements` are left out, because normalizing them
 * requires the parser.
 */
async function planGuaranteedWorkload(
  db: Database,
  namespace: string,
  budgetMs: number,
): Promise<PlannedWorkload> {
  const ends = Date.now() + budgetMs;
  const planned: PlannedStatement[] = [];
  try {
    for (let from: number | null = 0; from !== null; ) {
      const part = await readWorkloadPart(db, namespace, from);
      const verdicts = await planStatements(db, part.statements, {
        budgetMs: Math.max(0, ends - Date.now()),
      });
      part.statements.forEach(({ text, calls }, i) => {
        planned.push({ text, calls, target: verdicts[i]!, source: null });
      });
      from = part.next;
    }
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    const why = `the server refused to plan them (SQLSTATE ${error.sqlstate})`;
    return { planned, statements: 0, decided: 0, notChecked: [{ what: NO_WORKLOAD_NOT_CHECKED.what, why }] };
  }
  return summarizePlanned(planned);
}

function summarizePlanned(planned: readonly PlannedStatement[]): PlannedWorkload {
  if (planned.length === 0)
    return { planned, statements: 0, decided: 0, notChecked: [NO_WORKLOAD_NOT_CHECKED] };
  const open = new Map<string, Set<string>>();
  for (const { text, target } of planned)
    if (target.outcome === 'undecided') open.set(target.why, (open.get(target.why) ?? new Set()).add(text));
  const statements = new Set(planned.map(({ text }) => text)).size;
  const undecided = new Set([...open.values()].flatMap((texts) => [...texts])).size;
  return {
    planned,
    statements,
    decided: statements - undecided,
    notChecked: [...open].map(([why, texts]) => ({ what: `${texts.size} of ${statements} statements`, why })),
  };
}

/** Maximum size of the response in bytes. Lambda's limit is 6 MB. */
const MAX_RESPONSE_LENGTH = 4_000_000;

/** Cuts the audit to the size of a response. Findings that do not fit are reported as not checked. */
function fitToResponse(audit: FunctionAudit, longest = MAX_RESPONSE_LENGTH): FunctionAudit {
  let room = longest;
  const fits = (each: object): boolean => {
    room -= Buffer.byteLength(JSON.stringify(each)) + 1;
    return room >= 0;
  };
  const findings = audit.findings.filter(fits);
  const notChecked = audit.notChecked.filter(fits);
  const cut = (all: readonly unknown[], some: readonly unknown[], what: string): NotCheckedItem[] =>
    all.length === some.length
      ? []
      : [
          {
            what: `${all.length - some.length} ${what}`,
            why: 'they do not fit into the response of the function',
          },
        ];
  return {
    ...audit,
    findings,
    notChecked: [
      ...notChecked,
      ...cut(audit.findings, findings, 'findings with the lowest confidence'),
      ...cut(audit.notChecked, notChecked, 'entries of what was not checked'),
    ],
  };
}
