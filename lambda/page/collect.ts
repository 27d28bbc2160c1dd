/** Counts errors by what they are about, in bounded memory. */
import type { LoggedError } from '../defects/defect';
import { insertsIn, tablesIn } from '../defects/statement';
import type { ErrorListener, ReadError } from './error-reader';

/** Errors on one object. */
export interface ErrorGroup extends LoggedError {
  /** Equal for errors that one page reports together. */
  readonly key: string;
  /** When the first of its lines came in, ms since the epoch. */
  readonly firstIngestedMs: number;
}

const MOST_GROUPS = 200;
const MOST_OBJECTS = 1_000;

type Counted = { -readonly [K in keyof ErrorGroup]: ErrorGroup[K] };

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
    const at = new Date(error.timeMs).toISOString();
    const known = this.groups.get(key);
    if (known !== undefined) {
      known.count++;
      if (at < known.first) known.first = at;
      if (at > known.last) known.last = at;
      known.firstIngestedMs = Math.min(known.firstIngestedMs, error.ingestedMs);
      known.statement ??= error.statement;
      return;
    }
    if (this.groups.size >= MOST_GROUPS) {
      this.overflow++;
      return;
    }
    this.groups.set(key, {
      key,
      signature: error.signature,
      sqlstate: error.sqlstate,
      message: error.message,
      logGroup: error.logGroup,
      database: error.database,
      user: error.user,
      table: error.names.table ?? null,
      column: error.names.column ?? null,
      statement: error.statement,
      count: 1,
      aborted: 0,
      first: at,
      last: at,
      firstIngestedMs: error.ingestedMs,
    });
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
    return [...this.groups.values()].sort((a, b) => b.count - a.count || (a.first < b.first ? -1 : 1));
  }
}

function objectOf({ names, statement, message }: ReadError): readonly unknown[] {
  if (names.table !== undefined || names.function !== undefined)
    return [names.table, names.column, names.function];
  if (statement === null) return [message];
  const conflicts = insertsIn(statement)
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
