/** An audit by the function itself: of the catalogue and of statements, without a source, a parser or a scan of tables. Read only. */
import type { Catalogue } from '../audit/catalogue';
import { objectsIn } from '../audit/catalogue/objects';
import { readCatalogue } from '../audit/catalogue/read';
import { NO_ANSWERS } from '../audit/evidence';
import { failingOf, type PlannedStatement } from '../audit/failing';
import { NOT_DEEP, type NotSeen, unseenIn, WITHOUT_SOURCE } from '../audit/not-seen';
import type { FunctionAudit, Looked } from '../contract/audit';
import { AUDIT_KINDS } from '../defects';
import { behindHere } from '../defects/behind-here';
import { type AuditFinding, findingsOf } from '../defects/findings';
import { readPromise } from '../engine/guard/promise-now';
import type { EngineContext } from '../engine/run';
import { withDatabase } from '../engine/time/session';
import { type Database, SqlError } from '../postgres/database';
import { planStatements } from '../workload/plan';

export interface StatementsSeen {
  readonly planned: readonly PlannedStatement[];
  readonly statements: number;
  readonly decided: number;
  readonly notSeen: readonly NotSeen[];
}

export interface Audited {
  /** The surest first. */
  readonly findings: readonly AuditFinding[];
  readonly notSeen: readonly NotSeen[];
  /** Of `notSeen`, what is about sequences. */
  readonly sequencesNotSeen: readonly NotSeen[];
  readonly looked: Looked;
  /** It changed each time it was read: objects may be shown as they were before or after. */
  readonly moved: boolean;
}

/**
 * @throws {TrueupError} where the schema kept changing
 * @throws {SqlError}
 */
export async function auditOn(db: Database, seen: StatementsSeen): Promise<Audited> {
  const { catalogue, moved } = await readCatalogue(db);
  const { behind, notSeen: sequencesNotSeen } = await behindHere(db);
  const { findings } = findingsOf({
    target: { catalogue, positions: [], rows: [] },
    source: null,
    differences: [],
    failing: failingOf(seen.planned, []),
    data: { ...NO_ANSWERS, behind },
  });
  return {
    findings,
    notSeen: [
      ...unseenIn({ catalogue, moved }),
      WITHOUT_SOURCE,
      ...seen.notSeen,
      ...sequencesNotSeen,
      ...(catalogue.functions.length > 0 ? [BODIES] : []),
      NOT_DEEP,
    ],
    sequencesNotSeen,
    looked: lookedAt(catalogue, seen),
    moved,
  };
}

const lookedAt = (catalogue: Catalogue, { statements, decided }: StatementsSeen): Looked => ({
  kinds: AUDIT_KINDS.length,
  tables: catalogue.tables.length,
  objects: objectsIn(catalogue),
  compared: null,
  statements,
  decided,
});

const BODIES: NotSeen = { what: 'bodies of functions', why: 'a function has no parser to read them with' };

/** Of what is left of the invocation; the catalogue takes time too. */
const PLANNING_SHARE = 0.5;

/** For who asks from outside: all that the running application promises is planned. @throws {TrueupError} */
export const askAudit = (ctx: EngineContext, namespace: string): Promise<FunctionAudit> =>
  withDatabase(ctx, async (db) => {
    const seen = await planPromise(db, namespace, (ctx.deadline - Date.now()) * PLANNING_SHARE);
    const { findings, notSeen, looked } = await auditOn(db, seen);
    return fitting({ findings, notSeen, looked, accepted: ctx.manifest.accepted ?? [] });
  });

const NOTHING_SENT: NotSeen = {
  what: 'statements of the application',
  why: 'no deployment with a workload has succeeded, so the ledger keeps none to plan',
};

/** What `pg_stat_statements` remembers is not asked: to normalize it takes the parser. */
async function planPromise(db: Database, namespace: string, budgetMs: number): Promise<StatementsSeen> {
  const ends = Date.now() + budgetMs;
  const planned: PlannedStatement[] = [];
  try {
    for (let from: number | null = 0; from !== null; ) {
      const part = await readPromise(db, namespace, from);
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
    return { planned, statements: 0, decided: 0, notSeen: [{ what: NOTHING_SENT.what, why }] };
  }
  return decidedOf(planned);
}

function decidedOf(planned: readonly PlannedStatement[]): StatementsSeen {
  if (planned.length === 0) return { planned, statements: 0, decided: 0, notSeen: [NOTHING_SENT] };
  const open = new Map<string, Set<string>>();
  for (const { text, target } of planned)
    if (target.outcome === 'undecided') open.set(target.why, (open.get(target.why) ?? new Set()).add(text));
  const statements = new Set(planned.map(({ text }) => text)).size;
  const undecided = new Set([...open.values()].flatMap((texts) => [...texts])).size;
  return {
    planned,
    statements,
    decided: statements - undecided,
    notSeen: [...open].map(([why, texts]) => ({ what: `${texts.size} of ${statements} statements`, why })),
  };
}

/** Lambda answers with 6 MB at most. */
const LONGEST_ANSWER = 4_000_000;

/** What does not fit is not passed over: it is not seen. */
export function fitting(audit: FunctionAudit, longest = LONGEST_ANSWER): FunctionAudit {
  let room = longest;
  const fits = (each: object): boolean => {
    room -= Buffer.byteLength(JSON.stringify(each)) + 1;
    return room >= 0;
  };
  const findings = audit.findings.filter(fits);
  const notSeen = audit.notSeen.filter(fits);
  const cut = (all: readonly unknown[], some: readonly unknown[], what: string): NotSeen[] =>
    all.length === some.length
      ? []
      : [
          {
            what: `${all.length - some.length} ${what}`,
            why: 'the answer of a function has no room for them',
          },
        ];
  return {
    ...audit,
    findings,
    notSeen: [
      ...notSeen,
      ...cut(audit.findings, findings, 'findings, the least sure ones'),
      ...cut(audit.notSeen, notSeen, 'things that were not seen'),
    ],
  };
}
