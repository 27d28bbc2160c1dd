/**
 * Decides whether a check that fails now fails because a migration applied later changed the object on purpose. The
 * effects and the verify sections of the later files decide, and the last one counts. The explanation also lists the
 * checks that must hold now if that migration is the only cause; if one of them fails, something else changed the
 * object too. Pure.
 *
 * Nothing is explained, so the check counts as drift, where code whose effects are unknown ran in between (DO, CALL,
 * function calls), or where the file of a later migration is missing or was edited.
 */
import type {
  ColumnEffect,
  Effect,
  IndexKey,
  ObjectName,
  VerificationArgument,
  VerificationCall,
} from '../contract/effects';
import type { Migration, QueryReads, Statement } from '../contract/manifest';
import { quoteIdentifier, quoteLiteral, quoteTextArray } from '../sql/quote';
import { readIdentifier, tokenizeSql } from '../sql/tokens';

export interface AppliedFile {
  readonly name: string;
  /** `null` where the applied text is not known: the file is missing or was edited. */
  readonly migration: Migration | null;
}

/** The applied migrations, oldest first, split at the one whose check fails. */
export interface AppliedHistory {
  /** Files applied up to and including the one whose check fails. */
  readonly until: readonly AppliedFile[];
  readonly later: readonly AppliedFile[];
  /** The schema that unqualified names refer to. */
  readonly schema: string;
}

export interface ChangeExplanation {
  readonly migration: string;
  /** Checks that hold now if the later migration is the only change. */
  readonly holds: readonly VerificationCall[];
}

/** The property of an object that a check is about. */
type CheckedProperty =
  | 'table'
  | 'column'
  | 'type'
  | 'null'
  | 'default'
  | 'comment'
  | 'index'
  | 'foreign key'
  | 'check'
  | 'function';

const PROPERTY_BY_CHECK: Readonly<Record<string, CheckedProperty>> = {
  has_table: 'table',
  hasnt_table: 'table',
  has_column: 'column',
  hasnt_column: 'column',
  col_type_is: 'type',
  col_not_null: 'null',
  col_is_null: 'null',
  col_has_default: 'default',
  col_hasnt_default: 'default',
  col_default_is: 'default',
  col_default_generates_uuid: 'default',
  table_comment_is: 'comment',
  col_comment_is: 'comment',
  is_indexed: 'index',
  on_conflict_target: 'index',
  col_is_pk: 'index',
  fk_ok: 'foreign key',
  has_check: 'check',
  has_function: 'function',
  function_returns: 'function',
};

/** Checks whose second argument is a column. */
const COLUMN_CHECKS = /^(?:col_(?!is_pk)|has_column|hasnt_column)/;
const KEYS_ARGUMENTS: Readonly<Record<string, string>> = {
  is_indexed: 'keys',
  on_conflict_target: 'keys',
  col_is_pk: 'columns',
  fk_ok: 'columns',
};

/**
 * For each later check, the earlier checks of the same property that cannot hold at the same time. The later check
 * wins.
 */
const CONTRADICTIONS: Readonly<Record<string, (other: string) => boolean>> = {
  has_table: (other) => other === 'hasnt_table',
  has_column: (other) => other === 'hasnt_column',
  col_type_is: () => true,
  col_not_null: () => true,
  col_is_null: () => true,
  col_hasnt_default: () => true,
  col_default_is: () => true,
  col_has_default: (other) => other === 'col_hasnt_default',
  col_default_generates_uuid: (other) => other === 'col_hasnt_default',
  table_comment_is: (other) => other === 'table_comment_is',
  col_comment_is: (other) => other === 'col_comment_is',
};

/** Explains a failed check by a migration that was applied later. Returns `null` if none explains it. */
export function explainCheck(check: VerificationCall, history: AppliedHistory): ChangeExplanation | null {
  const property = PROPERTY_BY_CHECK[check.function];
  if (property === undefined) return null;
  const subject = new CheckSubject(check, property, history);
  for (const file of history.later) subject.follow(file);
  return subject.explanation;
}

/**
 * Explains why a verify query fails on a missing table or column (42P01, 42703).
 * @param message the server's error message, which names the missing object
 */
export function explainMissing(
  reads: QueryReads,
  sqlstate: string,
  message: string,
  history: AppliedHistory,
): ChangeExplanation | null {
  const named = new Set(message.split(WORD_SEPARATORS));
  for (const relation of reads.relations) {
    const table = formatSqlName(relation);
    if (sqlstate === '42P01') {
      const found = named.has(relation.name) ? explainCheck(makeCheck('has_table', table), history) : null;
      if (found) return found;
      continue;
    }
    const others = reads.relations.filter(({ name }) => name !== relation.name);
    for (const column of reads.columns) {
      if (!named.has(column) || others.some((other) => hasEverHadColumn(other, column, history))) continue;
      const found = explainCheck(makeCheck('has_column', table, quoteIdentifier(column)), history);
      if (found) return found;
    }
  }
  return null;
}

/**
 * Separators between the words of a server message in any language, e.g. `column "a" does not exist` and `column t.a
 * does not exist`.
 */
const WORD_SEPARATORS = /["'`´.,()«»\u2018-\u201f\s]+/;

const hasEverHadColumn = ({ name }: ObjectName, column: string, { until, later }: AppliedHistory): boolean =>
  [...until, ...later].some(({ migration }) =>
    (migration?.statements ?? []).some(({ effects }) =>
      effects.some(
        (effect) =>
          (effect.kind === 'column type' && effect.table.name === name && effect.column === column) ||
          (effect.kind === 'rename column' && effect.table.name === name && effect.to === column),
      ),
    ),
  );

const makeCheck = (name: string, ...args: readonly VerificationArgument[]): VerificationCall => ({
  function: name,
  arguments: args,
});

/** Writes a check as a query of a verify section. */
export function formatCheckQuery({ function: name, arguments: given, named = {} }: VerificationCall): string {
  const written = (value: VerificationArgument): string =>
    value === null || typeof value === 'string' ? quoteLiteral(value) : quoteTextArray(value);
  const all = [
    ...given.map(written),
    ...Object.entries(named).map(([key, value]) => `${quoteIdentifier(key)} => ${written(value)}`),
  ];
  return `SELECT trueup.${quoteIdentifier(name)}(${all.join(', ')})`;
}

/** The object that a check is about, followed through the effects of later migrations. */
class CheckSubject {
  private table: ObjectName;
  private column: string | null;
  private keys: readonly string[];
  /**
   * Names of the indexes or constraints that the check may refer to. `remade` holds those that later files create as
   * replacements. For a function, the argument lists of its overloads.
   */
  private readonly made: Set<string>;
  private readonly remade = new Set<string>();
  /** Whether every object in `made` was dropped. */
  private gone = false;
  /** Checks that must hold now; `null` where that is not known. */
  private now: readonly VerificationCall[] | null;
  private by = '';

  constructor(
    private readonly check: VerificationCall,
    private readonly property: CheckedProperty,
    private readonly history: AppliedHistory,
  ) {
    this.now = [check];
    this.table = this.place(this.readSubject(check));
    this.column = COLUMN_CHECKS.test(check.function) ? readColumn(check) : null;
    this.keys = readKeys(check);
    this.made = this.findMade();
  }

  get explanation(): ChangeExplanation | null {
    return this.by === '' || this.now === null ? null : { migration: this.by, holds: this.now };
  }

  follow({ name, migration }: AppliedFile): void {
    if (migration === null) this.now = null;
    for (const statement of migration?.statements ?? []) {
      if (this.isHidden(statement)) this.now = null;
      for (const effect of statement.effects) {
        const before = this.now;
        this.apply(effect);
        if (this.now !== before) this.by = name;
      }
    }
    for (const query of migration?.verify ?? []) {
      for (const later of query.checksOnly ? query.checks : []) {
        if (!this.isReplacedBy(later)) continue;
        this.now = [later];
        this.by = name;
      }
    }
  }

  /** Whether the statement runs code whose effects are unknown and may include this object. */
  private isHidden({ command, sql, effects }: Statement): boolean {
    if (effects.some(({ kind }) => kind === 'code')) return true;
    return /^(?:DO|CALL)\b/i.test(command) && sql.toLowerCase().includes(this.table.name.toLowerCase());
  }

  /** Whether a later verify section expects something of the same object that contradicts this check. */
  private isReplacedBy(later: VerificationCall): boolean {
    const property = PROPERTY_BY_CHECK[later.function];
    const isFunction = this.property === 'function';
    if (property === undefined || isFunction !== (property === 'function')) return false;
    if (!isSameName(this.place(this.readSubject(later)), this.table)) return false;
    if (later.function === 'hasnt_table') return this.check.function !== 'hasnt_table';
    if (later.function === 'hasnt_column') {
      const column = readColumn(later);
      return this.check.function !== 'hasnt_column' && (this.column === column || this.keys.includes(column));
    }
    if (property !== this.property) return false;
    if (isFunction)
      return (
        later.function === 'function_returns' &&
        later.function === this.check.function &&
        this.hasArguments(later)
      );
    // Two indexes over the same keys do not exclude each other; neither do two constraints.
    if (this.gone) return later.function === this.check.function && isSameKeyList(readKeys(later), this.keys);
    return (
      (CONTRADICTIONS[later.function]?.(this.check.function) ?? false) &&
      (this.column === null || readColumn(later) === this.column)
    );
  }

  private hasArguments(later: VerificationCall): boolean {
    return String(readArgument(later, 1, 'args')) === String(readArgument(this.check, 1, 'args'));
  }

  private apply(effect: Effect): void {
    switch (effect.kind) {
      case 'drop table':
        if (this.is(effect.table)) this.now = [makeCheck('hasnt_table', formatSqlName(this.table))];
        else if (this.property === 'foreign key' && isSameName(this.place(effect.table), this.referenced()))
          this.now = [makeCheck('hasnt_table', formatSqlName(effect.table))];
        break;
      case 'table':
        if (this.is(effect.table)) this.makeTable(effect.unlessExists ?? false);
        break;
      case 'rename table':
        if (this.is(effect.from)) {
          this.table = { schema: effect.to.schema ?? this.table.schema, name: effect.to.name };
          if (this.check.function !== 'hasnt_table') this.carryOver();
        } else if (this.is(effect.to)) this.makeTable(false);
        break;
      case 'rename column':
        if (this.is(effect.table)) this.renameColumn(effect.from, effect.to);
        break;
      case 'drop column':
        if (this.is(effect.table) && (this.column === effect.column || this.keys.includes(effect.column)))
          this.now = [makeCheck('hasnt_column', formatSqlName(this.table), quoteIdentifier(effect.column))];
        break;
      case 'column type':
      case 'default':
      case 'drop default':
      case 'set not null':
      case 'drop not null':
        if (this.is(effect.table) && this.column === effect.column) this.changeColumn(effect);
        break;
      case 'index':
      case 'foreign key':
      case 'check':
        if (this.is(effect.table) && this.isOver(effect)) this.makeAgain(effect);
        break;
      case 'rename index':
        this.renameMade(effect.from.name, effect.to.name);
        break;
      case 'rename constraint':
        if (this.is(effect.table)) this.renameMade(effect.from, effect.to);
        break;
      case 'index as constraint':
        if (effect.name !== null) this.renameMade(effect.index, effect.name);
        break;
      case 'drop index':
        this.lose(effect.index.name);
        break;
      case 'drop constraint':
        if (this.is(effect.table)) this.lose(effect.name);
        break;
      case 'drop function':
        // The name does not say which of several overloads is dropped.
        if (this.property === 'function' && this.is(effect.function))
          this.now = this.made.size === 1 ? [] : null;
        break;
      case 'function':
        if (this.property !== 'function' || !this.is(effect.function)) break;
        this.made.add(JSON.stringify(effect.arguments));
        this.now = null;
    }
  }

  private renameColumn(from: string, to: string): void {
    if (this.check.function === 'hasnt_column') {
      if (this.column === to) this.now = [this.onColumn('has_column')];
      return;
    }
    if (this.column !== null) {
      if (this.column !== from) return;
      this.column = to;
    } else {
      this.keys = this.keys.map((key) => renameInExpression(key, from, to));
      if (this.property === 'check' || this.property === 'index')
        this.now = this.now?.map((check) => ({ ...check, ...renameInCheck(check, from, to) })) ?? null;
      else if (this.keys.length === 0) return;
    }
    this.carryOver();
  }

  /** Rewrites the expected checks for the object under its new name. */
  private carryOver(): void {
    this.now =
      this.now?.map((check) => {
        const [, second, ...rest] = check.arguments;
        // A table name passed as a named argument is not replaced, so its check fails and no explanation is
        // given.
        if (second === undefined) return { ...check, arguments: [formatSqlName(this.table)] };
        const name = COLUMN_CHECKS.test(check.function)
          ? quoteIdentifier(this.column ?? readColumn(check))
          : KEYS_ARGUMENTS[check.function] === undefined || this.keys.length === 0
            ? second
            : this.keys.map(quoteKey);
        return { ...check, arguments: [formatSqlName(this.table), name, ...rest] };
      }) ?? null;
  }

  private makeTable(unlessExists: boolean): void {
    if (this.property === 'table') this.now = [makeCheck('has_table', formatSqlName(this.table))];
    // The remaining effects of the file describe the new table.
    else if (!unlessExists) this.now = null;
  }

  private changeColumn(effect: ColumnEffect & Pick<Effect, 'unlessExists'>): void {
    const isNew =
      effect.kind === 'column type' && (this.check.function === 'hasnt_column' || this.isAbsent());
    // With IF NOT EXISTS, an existing column is left unchanged.
    if (effect.unlessExists && !this.isAbsent() && this.check.function !== 'hasnt_column') return;
    switch (this.property) {
      case 'column':
        if (isNew) this.now = [this.onColumn('has_column')];
        break;
      case 'type':
        if (effect.kind === 'column type') this.now = [this.onColumn('col_type_is', effect.type)];
        break;
      case 'null':
        if (effect.kind === 'set not null') this.now = [this.onColumn('col_not_null')];
        else if (effect.kind === 'drop not null' || isNew) this.now = [this.onColumn('col_is_null')];
        break;
      case 'default':
        if (effect.kind === 'drop default' || isNew) this.now = [this.onColumn('col_hasnt_default')];
        else if (effect.kind === 'default' && effect.expression !== null)
          this.now = [this.onColumn('col_default_is', effect.expression)];
        else if (effect.kind === 'default')
          this.now = this.check.function === 'col_hasnt_default' ? [this.onColumn('col_has_default')] : null;
        break;
      default:
        if (isNew) this.now = null;
    }
  }

  private renameMade(from: string, to: string): void {
    for (const names of [this.made, this.remade]) if (names.delete(from)) names.add(to);
  }

  /** Only the verify section of the new file can say what the replacement is like. */
  private makeAgain(effect: Effect): void {
    for (const name of listEffectNames(effect)) this.remade.add(name);
    if (this.gone) this.now = null;
  }

  private lose(name: string): void {
    const had = this.made.delete(name);
    if (!this.remade.delete(name) && !had) return;
    if (this.made.size > 0) return;
    this.gone = true;
    this.now = this.remade.size > 0 ? null : [makeCheck('has_table', formatSqlName(this.table))];
  }

  private isAbsent(): boolean {
    return this.now?.some(({ function: name }) => name.startsWith('hasnt_')) ?? false;
  }

  private is(name: ObjectName): boolean {
    return isSameName(this.place(name), this.table);
  }

  private place(name: ObjectName): ObjectName {
    return { schema: name.schema ?? this.history.schema, name: name.name };
  }

  private readSubject(check: VerificationCall): ObjectName {
    return readName(
      readTextArgument(check, 0, this.property === 'function' ? 'function_name' : 'table_name'),
    );
  }

  private referenced(): ObjectName {
    return this.place(readName(readTextArgument(this.check, 2, 'ref_table')));
  }

  private onColumn(name: string, ...rest: readonly string[]): VerificationCall {
    return makeCheck(name, formatSqlName(this.table), quoteIdentifier(this.column ?? ''), ...rest);
  }

  /**
   * Collects the names of the indexes or constraints that the check may refer to, or the argument lists of its
   * function.
   */
  private findMade(): Set<string> {
    const made = new Set<string>();
    const { until } = this.history;
    // A check expression does not identify one CHECK constraint of the table, so only those that this file creates
    // are considered.
    for (const { migration } of this.property === 'check' ? until.slice(-1) : until) {
      for (const effect of (migration?.statements ?? []).flatMap((each) => each.effects)) {
        if (effect.kind === 'function' && this.property === 'function' && this.is(effect.function))
          made.add(JSON.stringify(effect.arguments));
        if (effect.kind === 'drop index') made.delete(effect.index.name);
        if (effect.kind === 'drop constraint') made.delete(effect.name);
        if (effect.kind === 'rename index' && made.delete(effect.from.name)) made.add(effect.to.name);
        if ('table' in effect && this.is(effect.table) && this.isOver(effect))
          for (const name of listEffectNames(effect)) made.add(name);
      }
    }
    return made;
  }

  private isOver(effect: Effect): boolean {
    switch (effect.kind) {
      case 'index':
        return (
          this.property === 'index' &&
          (this.check.function !== 'col_is_pk' || effect.primary) &&
          isSameKeyList(effect.keys.map(getKeyText), this.keys)
        );
      case 'foreign key':
        return this.property === 'foreign key' && isSameKeyList(effect.columns, this.keys);
      case 'check':
        return this.property === 'check';
      default:
        return false;
    }
  }
}

/** Renames a column in an expression. A wrong replacement makes the check fail, so nothing is explained. */
const renameInExpression = (text: string, from: string, to: string): string =>
  text === from
    ? to
    : text.replaceAll(/"(?:[^"]|"")+"|[\w$]+/g, (word) =>
        readName(word).name === from ? quoteIdentifier(to) : word,
      );

function renameInCheck(
  check: VerificationCall,
  from: string,
  to: string,
): Pick<VerificationCall, 'arguments' | 'named'> {
  const rename = (value: VerificationArgument): VerificationArgument =>
    typeof value === 'string' ? renameInExpression(value, from, to) : value;
  const [table = null, ...rest] = check.arguments;
  const named = Object.entries(check.named ?? {}).map(([name, value]) => [name, rename(value)] as const);
  return {
    arguments: [table, ...rest.map(rename)],
    ...(check.named ? { named: Object.fromEntries(named) } : {}),
  };
}

/**
 * Returns the names of the index or constraint: the one in the file, or the default that PostgreSQL generates. Where
 * the default is not known it returns `'\0'`, which no DROP matches.
 */
function listEffectNames(effect: Effect): readonly string[] {
  if (effect.kind === 'foreign key')
    return [effect.name ?? `${effect.table.name}_${effect.columns.join('_')}_fkey`];
  if (effect.kind === 'check') return [effect.name ?? '\0'];
  if (effect.kind !== 'index') return [];
  if (effect.name !== null) return [effect.name];
  if (effect.primary) return [`${effect.table.name}_pkey`];
  const columns = effect.keys.map((key) => ('column' in key ? key.column : null));
  // The default name depends on whether it is an index or a constraint; only one of the two exists.
  return columns.includes(null)
    ? ['\0']
    : [`${effect.table.name}_${columns.join('_')}_${effect.unique ? 'key' : 'idx'}`];
}

const getKeyText = (key: IndexKey): string => ('column' in key ? key.column : key.expression);

/**
 * Compares key lists, ignoring spelling and what follows a column (COLLATE, DESC). Among several equal lists, the
 * last one counts.
 */
const isSameKeyList = (one: readonly string[], other: readonly string[]): boolean =>
  one.map(normalizeKey).join('\n') === other.map(normalizeKey).join('\n');

const normalizeKey = (key: string): string => key.replaceAll(/[\s"()]|::\w+/g, '').toLowerCase();

const quoteKey = (key: string): string => (/^[\w$]+$/.test(key) ? quoteIdentifier(key) : key);

const isSameName = (one: ObjectName, other: ObjectName): boolean =>
  one.name === other.name && one.schema === other.schema;

const formatSqlName = ({ schema, name }: ObjectName): string =>
  schema === null ? quoteIdentifier(name) : `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;

/** Parses a name as a check's argument writes it, e.g. `shop."Order"`. */
function readName(sql: string): ObjectName {
  const names = [...tokenizeSql(sql)].map(readIdentifier).filter((name) => name !== null);
  return { schema: names.at(-2) ?? null, name: names.at(-1) ?? sql };
}

/** Parses `ARRAY['a', 'b']`, or `'{a, b}'` as a literal. Columns lose their quotes; expressions stay as they are. */
function readList(value: VerificationArgument): readonly string[] {
  const list = typeof value === 'string' ? value.replace(/^\{|\}$/g, '').split(/,\s*/) : (value ?? []);
  return list.map((key) => {
    const [first, ...rest] = [...tokenizeSql(key)];
    return (first && !rest.some(({ text }) => text === '(') ? readIdentifier(first) : null) ?? key;
  });
}

const readColumn = (check: VerificationCall): string =>
  readName(readTextArgument(check, 1, 'column_name')).name;

function readKeys(check: VerificationCall): readonly string[] {
  const name = KEYS_ARGUMENTS[check.function];
  return name === undefined ? [] : readList(readArgument(check, 1, name));
}

const readArgument = (
  { arguments: given, named }: VerificationCall,
  at: number,
  name: string,
): VerificationArgument => given[at] ?? named?.[name] ?? null;

function readTextArgument(check: VerificationCall, at: number, name: string): string {
  const value = readArgument(check, at, name);
  return typeof value === 'string' ? value : '';
}
