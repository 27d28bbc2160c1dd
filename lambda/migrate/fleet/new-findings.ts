/** Collects the unpaged audit findings of a fleet's databases for a page, as one finding per kind. */
import { type AuditedFinding, MAX_NEW_FINDINGS, type NewFindings } from '../../contract/audit-findings';
import { TrueupError } from '../../contract/errors';
import { withDatabase } from '../../engine/time/session';
import { getPreviousSlot, isInSlot } from '../../fleet/sample';
import { markNewFindings } from '../known-findings';
import { type FleetCheckContext, listDatabases } from './drift';

const CONNECT_PATIENCE_MS = 2_000;
const MAX_NAMED_DATABASES = 5;
/**
 * Time limit for collecting. The pager waits 45 s, and findings that are marked as paged after that would be lost. The
 * remaining ones are collected the next time.
 */
const TAKE_TIMEOUT_MS = 25_000;

export interface DatabaseNewFindings {
  readonly database: string;
  readonly found: NewFindings;
}

/**
 * Collects from the databases that the last two checks audited. @throws {TrueupError} if the server cannot be reached
 */
export async function takeNewFleetFindings(ctx: FleetCheckContext): Promise<NewFindings> {
  const turns = [ctx.turn, getPreviousSlot(ctx.turn)];
  const own = { ...ctx, connect: () => ctx.connect({ readOnly: true }) };
  const all = await withDatabase(own, listDatabases);
  const found: DatabaseNewFindings[] = [];
  const deadline = Math.min(ctx.deadline, Date.now() + TAKE_TIMEOUT_MS);
  for (const database of all.filter((name) => turns.some((turn) => isInSlot(name, turn)))) {
    if (Date.now() > deadline) break;
    const there = {
      ...ctx,
      deadline,
      connectPatienceMs: CONNECT_PATIENCE_MS,
      connect: () => ctx.connect({ forRecords: true, database }),
    };
    try {
      const taken = await withDatabase(there, (db) => markNewFindings(db, ctx.namespace));
      if (taken !== null && taken.count > 0) found.push({ database, found: taken });
    } catch (error) {
      // The check counts the database as unreachable. Its new findings are paged when it is available again.
      if (!(error instanceof TrueupError)) throw error;
    }
  }
  return mergeByKind(found);
}

/** Merges findings into one per kind: the most certain, with the number of occurrences and their databases. Pure. */
export function mergeByKind(found: readonly DatabaseNewFindings[]): NewFindings {
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
    .map(({ all, databases }) => summarizeFindings(all, [...databases]))
    .sort((a, b) => (a.confidence < b.confidence ? -1 : a.confidence > b.confidence ? 1 : 0));
  return {
    findings: findings.slice(0, MAX_NEW_FINDINGS),
    // The findings that were cut off count as one more kind, since their kinds are unknown.
    count: findings.length + (cut > 0 ? 1 : 0),
    marked: found.every(({ found: each }) => each.marked),
  };
}

function summarizeFindings(all: readonly AuditedFinding[], databases: readonly string[]): AuditedFinding {
  const [surest] = [...all].sort((a, b) =>
    a.confidence < b.confidence ? -1 : a.confidence > b.confidence ? 1 : 0,
  );
  const named = databases.slice(0, MAX_NAMED_DATABASES).join(', ');
  const more =
    databases.length > MAX_NAMED_DATABASES ? ` and ${databases.length - MAX_NAMED_DATABASES} more` : '';
  const where =
    databases.length === 1 ? `in database ${named}` : `in ${databases.length} databases: ${named}${more}`;
  const count = all.length === 1 ? 'One of this kind' : `${all.length} of this kind`;
  return { ...surest!, message: `${surest!.message} ${count}, ${where}.` };
}
