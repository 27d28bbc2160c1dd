/** Groups errors by the object they concern and counts them, with bounded memory. */
import type { LoggedError } from '../../contract/diagnosis';
import { listTableNames, parseInserts } from '../../sql/insert';
import type { ErrorListener, ReadError } from './error-reader';

/** Errors on one object. `statement` and `user` are those of the most frequent use. */
export interface ErrorGroup extends LoggedError {
  /** The same for all errors that one page reports together. */
  readonly key: string;
  /** Statements and roles that encountered the error, the most frequent first. */
  readonly uses: readonly StatementUsage[];
  /** Number of errors from other statements and roles. */
  readonly otherUses: number;
  /** Time zone of `first` and `last` if it is not UTC; they then show the log's local time. */
  readonly zone: string | null;
  /** When the first of its lines was ingested, in milliseconds since the epoch. */
  readonly firstIngestedMs: number;
}

export interface StatementUsage {
  readonly statement: string | null;
  readonly user: string;
  readonly count: number;
}

/** Maximum number of groups, more than the tables of a schema that fail at once. Each group is named in the page. */
const MAX_GROUPS = 1_000;
const MAX_USES = 6;
const MAX_OBJECTS = 1_000;

interface CountedError {
  readonly key: string;
  /** The first error of the group, from which the common properties are read. */
  readonly error: ReadError;
  readonly uses: Map<string, { readonly statement: string | null; readonly user: string; count: number }>;
  count: number;
  aborted: number;
  firstMs: number;
  lastMs: number;
  firstIngestedMs: number;
}

export class ErrorCollection implements ErrorListener {
  private readonly groups = new Map<string, CountedError>();
  /** Cache of the objects that statements concern, because most errors repeat. */
  private readonly objects = new Map<string, readonly unknown[]>();
  /** Number of errors beyond the maximum number of groups. */
  overflow = 0;

  /** @param wanted selects the errors to count */
  constructor(private readonly wanted: (error: ReadError) => boolean = () => true) {}

  error(error: ReadError): void {
    if (!this.wanted(error)) return;
    const key = this.getKey(error);
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
    else if (group.uses.size < MAX_USES)
      group.uses.set(use, { statement: error.statement, user: error.user, count: 1 });
  }

  private begin(key: string, error: ReadError): CountedError | null {
    if (this.groups.size >= MAX_GROUPS) return null;
    const { timeMs: firstMs, timeMs: lastMs, ingestedMs: firstIngestedMs } = error;
    const group = { key, error, uses: new Map(), count: 0, aborted: 0, firstMs, lastMs, firstIngestedMs };
    this.groups.set(key, group);
    return group;
  }

  aborted(error: ReadError): void {
    const known = this.groups.get(this.getKey(error));
    if (known !== undefined) known.aborted++;
  }

  /**
   * Returns a key that groups errors by object: table and column if the message names them, the conflict target if the
   * statement has one, and the statement's tables if the message names only types. The log group is part of the key
   * only for an application's lines, which name no database.
   */
  private getKey(error: ReadError): string {
    const where = error.database === '' ? error.logGroup : error.database;
    const about = JSON.stringify([error.names, error.message, error.statement]);
    const object = this.objects.get(about) ?? identifyObject(error);
    if (this.objects.size < MAX_OBJECTS) this.objects.set(about, object);
    return JSON.stringify([error.signature, where, ...object]);
  }

  keys(): Iterable<string> {
    return this.groups.keys();
  }

  /** Returns the groups, the most frequent first. */
  result(): readonly ErrorGroup[] {
    return [...this.groups.values()]
      .sort((a, b) => b.count - a.count || a.firstMs - b.firstMs)
      .map(toErrorGroup);
  }
}

function toErrorGroup({ key, error, uses: counted, firstMs, lastMs, ...counts }: CountedError): ErrorGroup {
  const uses = [...counted.values()].sort((a, b) => b.count - a.count);
  // Prefer a use whose statement was logged.
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

function identifyObject({ names, statement, message }: ReadError): readonly unknown[] {
  const { table, column, function: called, constraint } = names;
  if (table !== undefined || called !== undefined) return [table, column, called, constraint];
  if (statement === null) return [message];
  const inserts = parseInserts(statement);
  // Whether the schema causes a duplicate key depends on the columns in the INSERT.
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
  return [message, conflicts.length > 0 ? conflicts : listTableNames(statement)];
}
