/** Counts errors by what they are about, in bounded memory. */
import type { LoggedError } from '../../contract/diagnosis';
import { insertsIn, tablesIn } from '../../sql/insert';
import type { ErrorListener, ReadError } from './error-reader';

/** Errors on one object. `statement` and `user` are those of the most frequent use. */
export interface ErrorGroup extends LoggedError {
  /** Equal for errors that one page reports together. */
  readonly key: string;
  /** Statements and roles that met the error, the most frequent first. */
  readonly uses: readonly Use[];
  /** Errors of further statements and roles. */
  readonly otherUses: number;
  /** Of `first` and `last`, where they are not UTC: what the log's clock showed. */
  readonly zone: string | null;
  /** When the first of its lines came in, ms since the epoch. */
  readonly firstIngestedMs: number;
}

export interface Use {
  readonly statement: string | null;
  readonly user: string;
  readonly count: number;
}

/** More than a schema has tables that fail at once; each is named in the page. */
const MOST_GROUPS = 1_000;
const MOST_USES = 6;
const MOST_OBJECTS = 1_000;

interface Counted {
  readonly key: string;
  /** The first error of the group: what is equal in all of them is read from it. */
  readonly error: ReadError;
  readonly uses: Map<string, { readonly statement: string | null; readonly user: string; count: number }>;
  count: number;
  aborted: number;
  firstMs: number;
  lastMs: number;
  firstIngestedMs: number;
}

export class ErrorCollection implements ErrorListener {
  private readonly groups = new Map<string, Counted>();
  /** What a statement is about, for statements seen before: most errors repeat. */
  private readonly objects = new Map<string, readonly unknown[]>();
  /** Errors beyond the groups that are kept apart. */
  overflow = 0;

  /** @param wanted what to count; the rest is passed over */
  constructor(private readonly wanted: (error: ReadError) => boolean = () => true) {}

  error(error: ReadError): void {
    if (!this.wanted(error)) return;
    const key = this.keyOf(error);
    const group = this.groups.get(key) ?? this.begin(key, error);
    if (group === null) {
      this.overflow++;
      return;
    }
    group.count++;
    group.firstMs = Math.min(group.firstMs, error.timeMs);
    group.lastMs = Math.max(group.lastMs, error.timeMs);
    group.firstIngestedMs = Math.min(group.firstIngestedMs, error.ingestedMs);
    const use = JSON.stringify([error.user, error.statement]);
    const known = group.uses.get(use);
    if (known !== undefined) known.count++;
    else if (group.uses.size < MOST_USES)
      group.uses.set(use, { statement: error.statement, user: error.user, count: 1 });
  }

  private begin(key: string, error: ReadError): Counted | null {
    if (this.groups.size >= MOST_GROUPS) return null;
    const { timeMs: firstMs, timeMs: lastMs, ingestedMs: firstIngestedMs } = error;
    const group = { key, error, uses: new Map(), count: 0, aborted: 0, firstMs, lastMs, firstIngestedMs };
    this.groups.set(key, group);
    return group;
  }

  aborted(error: ReadError): void {
    const known = this.groups.get(this.keyOf(error));
    if (known !== undefined) known.aborted++;
  }

  /**
   * One page an object: table and column where the message names them, the conflict target where the statement does, the
   * tables where only types are named. The log group is part of it only for an application's lines, which name no
   * database.
   */
  private keyOf(error: ReadError): string {
    const where = error.database === '' ? error.logGroup : error.database;
    const about = JSON.stringify([error.names, error.message, error.statement]);
    const object = this.objects.get(about) ?? objectOf(error);
    if (this.objects.size < MOST_OBJECTS) this.objects.set(about, object);
    return JSON.stringify([error.signature, where, ...object]);
  }

  keys(): Iterable<string> {
    return this.groups.keys();
  }

  /** The most frequent first. */
  result(): readonly ErrorGroup[] {
    return [...this.groups.values()].sort((a, b) => b.count - a.count || a.firstMs - b.firstMs).map(groupOf);
  }
}

function groupOf({ key, error, uses: counted, firstMs, lastMs, ...counts }: Counted): ErrorGroup {
  const uses = [...counted.values()].sort((a, b) => b.count - a.count);
  // A statement that was logged says more than a line that is missing.
  const told = uses.find(({ statement }) => statement !== null) ?? uses[0]!;
  const { signature, sqlstate, message, names, logGroup, database, zone } = error;
  return {
    key,
    signature,
    sqlstate,
    message,
    logGroup,
    database,
    user: told.user,
    table: names.table ?? null,
    column: names.column ?? null,
    constraint: names.constraint ?? null,
    statement: told.statement,
    uses,
    otherUses: counts.count - uses.reduce((sum, { count }) => sum + count, 0),
    first: new Date(firstMs).toISOString(),
    last: new Date(lastMs).toISOString(),
    zone,
    ...counts,
  };
}

function objectOf({ names, statement, message }: ReadError): readonly unknown[] {
  const { table, column, function: called, constraint } = names;
  if (table !== undefined || called !== undefined) return [table, column, called, constraint];
  if (statement === null) return [message];
  const inserts = insertsIn(statement);
  // A duplicate key is a defect or not by the columns that the INSERT gives.
  if (constraint !== undefined) return [message, inserts.map(({ table, columns }) => [table, columns])];
  const conflicts = inserts
    .filter((insert) => insert.conflict !== null)
    .map(({ schema, table, conflict }) => [
      schema,
      table,
      conflict!.columns,
      conflict!.expressions,
      conflict!.predicate,
    ]);
  return [message, conflicts.length > 0 ? conflicts : tablesIn(statement)];
}
