/** For a page: what the audits of a fleet's databases found anew, as one finding a kind. */
import { type AuditedFinding, MOST_NEW, type NewFindings } from '../../contract/audit';
import { TrueupError } from '../../contract/errors';
import { withDatabase } from '../../engine/time/session';
import { before, isTurnOf } from '../../fleet/sample';
import { takeNew } from '../known-findings';
import { databasesOf, type FleetCheckContext } from './drift';

const PATIENCE_MS = 2_000;
const NAMED = 5;
/** The pager waits 45 s, and what is taken after that is told to nobody. What is left is taken the next time. */
const ANSWER_MS = 25_000;

export interface FoundIn {
  readonly database: string;
  readonly found: NewFindings;
}

/** Of the databases that the last two checks have audited. @throws {TrueupError} when the server cannot be reached */
export async function newFleetFindings(ctx: FleetCheckContext): Promise<NewFindings> {
  const turns = [ctx.turn, before(ctx.turn)];
  const own = { ...ctx, connect: () => ctx.connect({ readOnly: true }) };
  const all = await withDatabase(own, databasesOf);
  const found: FoundIn[] = [];
  const deadline = Math.min(ctx.deadline, Date.now() + ANSWER_MS);
  for (const database of all.filter((name) => turns.some((turn) => isTurnOf(name, turn)))) {
    if (Date.now() > deadline) break;
    const there = {
      ...ctx,
      deadline,
      connectPatienceMs: PATIENCE_MS,
      connect: () => ctx.connect({ readOnly: true, database }),
    };
    try {
      const taken = await withDatabase(there, (db) => takeNew(db, ctx.namespace));
      if (taken !== null && taken.count > 0) found.push({ database, found: taken });
    } catch (error) {
      // The check counts it as unreachable; what is new there is told when it is back.
      if (!(error instanceof TrueupError)) throw error;
    }
  }
  return byKind(found);
}

/** Pure. One a kind: the surest, and in how many places else. */
export function byKind(found: readonly FoundIn[]): NewFindings {
  const kinds = new Map<string, { all: AuditedFinding[]; databases: Set<string> }>();
  for (const { database, found: in1 } of found)
    for (const each of in1.findings) {
      const kind = kinds.get(each.id) ?? { all: [], databases: new Set() };
      kinds.set(each.id, kind);
      kind.all.push(each);
      kind.databases.add(database);
    }
  const cut = found.reduce((sum, { found: each }) => sum + each.count - each.findings.length, 0);
  const findings = [...kinds.values()]
    .map(({ all, databases }) => told(all, [...databases]))
    .sort((a, b) => (a.grade < b.grade ? -1 : a.grade > b.grade ? 1 : 0));
  return {
    findings: findings.slice(0, MOST_NEW),
    // What was cut off is of some kind; of which is not known.
    count: findings.length + (cut > 0 ? 1 : 0),
    marked: found.every(({ found: each }) => each.marked),
  };
}

function told(all: readonly AuditedFinding[], databases: readonly string[]): AuditedFinding {
  const [surest] = [...all].sort((a, b) => (a.grade < b.grade ? -1 : a.grade > b.grade ? 1 : 0));
  const named = databases.slice(0, NAMED).join(', ');
  const more = databases.length > NAMED ? ` and ${databases.length - NAMED} more` : '';
  const where =
    databases.length === 1 ? `in database ${named}` : `in ${databases.length} databases: ${named}${more}`;
  const count = all.length === 1 ? 'One of this kind' : `${all.length} of this kind`;
  return { ...surest!, message: `${surest!.message} ${count}, ${where}.` };
}
