/**
 * Collects the statements that an application sends and merges them from several sources. The same input always gives
 * the same result. Pure.
 */
import {
  type NormalizedStatement,
  normalizeWorkloadStatement,
  StatementExcluded,
  splitStatements,
} from './normalize';

export interface Sender {
  /** Role that sends the statement; `null` if the source does not record it. */
  readonly role: string | null;
  /** Search path as SHOW search_path prints it; `null` if it is unknown. */
  readonly searchPath: string | null;
  readonly calls: number | null;
}

export interface WorkloadEntry extends NormalizedStatement {
  /** Senders, sorted by role and search path; at least one. */
  readonly senders: readonly Sender[];
}

export interface Workload {
  /** Statements, sorted by text. */
  readonly entries: readonly WorkloadEntry[];
  /** Number of texts that were left out, by reason. */
  readonly leftOut: ReadonlyMap<string, number>;
}

/** A statement text as the source has it; it may contain data. */
export interface SentStatement extends Sender {
  readonly sql: string;
}

const UNKNOWN_SENDER: Omit<Sender, 'calls'> = { role: null, searchPath: null };

/** Normalizes the statements of one source and adds up the calls of equal ones. The parser must be loaded. */
export function collectWorkload(source: Iterable<SentStatement>): Workload {
  const leftOut = new Map<string, number>();
  const entries = new Map<string, WorkloadEntry>();
  for (const { sql, ...sent } of source) {
    const sender = toWritableSender(sent);
    for (const statement of splitStatements(sql)) {
      try {
        const normalized = normalizeWorkloadStatement(statement);
        const known = entries.get(normalized.text)?.senders ?? [];
        entries.set(normalized.text, { ...normalized, senders: addSender(known, sender, addCounts) });
      } catch (error) {
        if (!(error instanceof StatementExcluded)) throw error;
        leftOut.set(error.message, (leftOut.get(error.message) ?? 0) + 1);
      }
    }
  }
  return { entries: sortEntries(entries.values()), leftOut };
}

/**
 * Merges workloads of several sources, such as a file and the statistics collected since. If two sources count the same
 * statement of the same sender, the higher count is kept.
 */
export function mergeWorkloads(workloads: readonly Workload[]): Workload {
  const leftOut = new Map<string, number>();
  const entries = new Map<string, WorkloadEntry>();
  for (const workload of workloads) {
    for (const [reason, count] of workload.leftOut) leftOut.set(reason, (leftOut.get(reason) ?? 0) + count);
    for (const entry of workload.entries) {
      const known = entries.get(entry.text)?.senders ?? [];
      const senders = entry.senders.reduce((all, sender) => addSender(all, sender, maxCount), known);
      entries.set(entry.text, { ...entry, senders });
    }
  }
  return { entries: sortEntries(entries.values()), leftOut };
}

type CountJoin = (a: number | null, b: number | null) => number | null;
const addCounts: CountJoin = (a, b) => (a === null ? b : b === null ? a : a + b);
const maxCount: CountJoin = (a, b) => (a === null ? b : b === null ? a : Math.max(a, b));

function addSender(senders: readonly Sender[], sender: Sender, join: CountJoin): Sender[] {
  const same = (other: Sender): boolean =>
    other.role === sender.role && other.searchPath === sender.searchPath;
  const calls = senders.filter(same).reduce((sum, other) => join(sum, other.calls), sender.calls);
  const all = [...senders.filter((other) => !same(other)), { ...sender, calls }];
  // An entry with an unknown sender adds nothing once a sender is known.
  const known = all.filter(({ role, searchPath }) => role !== null || searchPath !== null);
  const kept = known.length > 0 ? known : [{ ...UNKNOWN_SENDER, calls: all[0]!.calls }];
  return kept.sort(
    (a, b) =>
      compareByCodeUnits(a.role ?? '', b.role ?? '') ||
      compareByCodeUnits(a.searchPath ?? '', b.searchPath ?? ''),
  );
}

const sortEntries = (entries: Iterable<WorkloadEntry>): WorkloadEntry[] =>
  [...entries]
    .map((entry) => ({ ...entry, senders: addKnownPaths(entry.senders) }))
    .sort((a, b) => compareByCodeUnits(a.text, b.text));

/**
 * Merges a sender whose search path is unknown into the senders of the same role whose path is known: logs record the
 * role but not the path.
 */
function addKnownPaths(senders: readonly Sender[]): readonly Sender[] {
  const known = senders.filter(({ searchPath }) => searchPath !== null);
  return senders.flatMap((sender) => {
    const same = known.filter(({ role }) => role === sender.role);
    if (sender.searchPath === null) return same.length > 0 ? [] : [sender];
    const other = senders.find(({ role, searchPath }) => role === sender.role && searchPath === null);
    // With several paths, it is unknown which of them the calls belong to.
    return [other && same.length === 1 ? { ...sender, calls: maxCount(sender.calls, other.calls) } : sender];
  });
}

/**
 * Replaces names that do not fit on one line of the workload file by `null`. Any role can choose a name with a line
 * break, which would start another line.
 */
const toWritableSender = ({ role, searchPath, calls }: Sender): Sender => ({
  role: isSingleLine(role) ? role : null,
  searchPath: isSingleLine(searchPath) ? searchPath : null,
  calls,
});

const isSingleLine = (text: string | null): boolean =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern matches control characters on purpose
  !/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(text ?? '');

/** Compares by UTF-16 code units, which is independent of the locale. */
const compareByCodeUnits = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
