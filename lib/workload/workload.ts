/** The statements that an application sends: collected from sources, merged, and the same for the same input. Pure. */
import { LeftOut, type Normalized, normalize, statementsIn } from './normalize';

export interface Sender {
  /** Null where the source does not tell. */
  readonly role: string | null;
  /** As SHOW search_path prints it; null where it is not known. */
  readonly searchPath: string | null;
  readonly calls: number | null;
}

export interface WorkloadEntry extends Normalized {
  /** By role and search path; at least one. */
  readonly senders: readonly Sender[];
}

export interface Workload {
  /** By text. */
  readonly entries: readonly WorkloadEntry[];
  /** How many texts were left out, by reason. */
  readonly leftOut: ReadonlyMap<string, number>;
}

/** One text as a source has it: it may hold values. */
export interface Sent extends Sender {
  readonly sql: string;
}

const NOBODY: Omit<Sender, 'calls'> = { role: null, searchPath: null };

/** The parser must be ready. Within one source, calls of the same statement add up. */
export function collect(source: Iterable<Sent>): Workload {
  const leftOut = new Map<string, number>();
  const entries = new Map<string, WorkloadEntry>();
  for (const { sql, ...sent } of source) {
    const sender = writable(sent);
    for (const statement of statementsIn(sql)) {
      try {
        const normalized = normalize(statement);
        const known = entries.get(normalized.text)?.senders ?? [];
        entries.set(normalized.text, { ...normalized, senders: withSender(known, sender, add) });
      } catch (error) {
        if (!(error instanceof LeftOut)) throw error;
        leftOut.set(error.message, (leftOut.get(error.message) ?? 0) + 1);
      }
    }
  }
  return { entries: sorted(entries.values()), leftOut };
}

/** Of several sources, e.g. a file and what a database has seen since: of two counts of the same the higher one. */
export function merge(workloads: readonly Workload[]): Workload {
  const leftOut = new Map<string, number>();
  const entries = new Map<string, WorkloadEntry>();
  for (const workload of workloads) {
    for (const [reason, count] of workload.leftOut) leftOut.set(reason, (leftOut.get(reason) ?? 0) + count);
    for (const entry of workload.entries) {
      const known = entries.get(entry.text)?.senders ?? [];
      const senders = entry.senders.reduce((all, sender) => withSender(all, sender, higher), known);
      entries.set(entry.text, { ...entry, senders });
    }
  }
  return { entries: sorted(entries.values()), leftOut };
}

type Join = (a: number | null, b: number | null) => number | null;
const add: Join = (a, b) => (a === null ? b : b === null ? a : a + b);
const higher: Join = (a, b) => (a === null ? b : b === null ? a : Math.max(a, b));

function withSender(senders: readonly Sender[], sender: Sender, join: Join): Sender[] {
  const same = (other: Sender): boolean =>
    other.role === sender.role && other.searchPath === sender.searchPath;
  const calls = senders.filter(same).reduce((sum, other) => join(sum, other.calls), sender.calls);
  const all = [...senders.filter((other) => !same(other)), { ...sender, calls }];
  // Who is known says more than that somebody sends it.
  const known = all.filter(({ role, searchPath }) => role !== null || searchPath !== null);
  const kept = known.length > 0 ? known : [{ ...NOBODY, calls: all[0]!.calls }];
  return kept.sort(
    (a, b) => compare(a.role ?? '', b.role ?? '') || compare(a.searchPath ?? '', b.searchPath ?? ''),
  );
}

const sorted = (entries: Iterable<WorkloadEntry>): WorkloadEntry[] =>
  [...entries]
    .map((entry) => ({ ...entry, senders: withKnownPaths(entry.senders) }))
    .sort((a, b) => compare(a.text, b.text));

/** A log tells the role and no search path: it is the sender whose path another source knows. */
function withKnownPaths(senders: readonly Sender[]): readonly Sender[] {
  const known = senders.filter(({ searchPath }) => searchPath !== null);
  return senders.flatMap((sender) => {
    const same = known.filter(({ role }) => role === sender.role);
    if (sender.searchPath === null) return same.length > 0 ? [] : [sender];
    const other = senders.find(({ role, searchPath }) => role === sender.role && searchPath === null);
    // Of several paths nobody knows which of them ran so often.
    return [other && same.length === 1 ? { ...sender, calls: higher(sender.calls, other.calls) } : sender];
  });
}

/** A line of the file holds it: a name with a line break in it, which any role may give itself, would begin another one. */
const writable = ({ role, searchPath, calls }: Sender): Sender => ({
  role: isLine(role) ? role : null,
  searchPath: isLine(searchPath) ? searchPath : null,
  calls,
});

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const isLine = (text: string | null): boolean => !/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(text ?? '');

/** By code units: the same on every machine, whatever its locale. */
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
