/**
 * Finds migrations that create what a finding reports as missing, and migrations that remove it. The effects of their
 * statements, as the compiler read them, are followed in order. The ledger shows which migrations are applied.
 */
import type { ObjectChange, RepairingMigration } from '../contract/diagnosis';
import type { Effect, IndexKey } from '../contract/effects';
import type { Manifest, Migration } from '../contract/manifest';
import type { Status } from '../contract/status';
import { findClosingBracket, isSymbol, readQualifiedName, tokenizeWithDepth } from '../sql/clauses';
import { classifyImplication } from '../sql/predicates';
import type { DefectKind } from './defect';
import { isSameName, isUniqueOver, toHistoricalObject } from './effects';
import type { DefectObject, HistoricalObject } from './object';

export interface KnownMigrations {
  readonly manifest: Manifest;
  /** Status from the ledger, or null if it could not be read. */
  readonly status: Status | null;
}

/** Net effect of a migration on the object, or null if it has none. */
type NetEffect = ObjectChange | 'proves' | null;

/**
 * Returns the migrations that concern the object.
 * @param lastError time of the last error in ISO format, compared with the ledger's times
 */
export function findRepairingMigrations(
  kind: DefectKind,
  object: DefectObject,
  known: KnownMigrations,
  lastError?: string,
): readonly RepairingMigration[] {
  const { migrations } = known.manifest;
  const names = traceNames(toHistoricalObject(object), known);
  const made = new Set<string>();
  const nets = migrations.map((migration, i) => computeNetEffect(kind, migration, names[i]!, made));
  return migrations.flatMap((migration, i): RepairingMigration[] => {
    const net = nets[i]!;
    if (net === null) return [];
    const after = nets.findIndex((later, at) => at > i && later === 'takes-away');
    const made = nets.findIndex((later, at) => at > i && later === 'makes');
    // If a later migration creates it again, the removal was temporary and is not listed.
    if (net === 'takes-away' && made >= 0) return [];
    const lost = net !== 'takes-away' && made < after;
    return [
      {
        ...readMigrationState(migration, known, lastError),
        does: net === 'takes-away' ? 'takes-away' : 'makes',
        ...(lost ? { undoneBy: migrations[after]!.name } : {}),
      },
    ];
  });
}

function readMigrationState(
  { name }: Migration,
  { status }: KnownMigrations,
  lastError: string | undefined,
): Pick<RepairingMigration, 'name' | 'state' | 'appliedAt' | 'afterErrors'> {
  const known = status?.migrations.find((each) => each.name === name);
  return {
    name,
    state: status === null ? 'unknown' : (known?.state ?? 'pending'),
    appliedAt: known?.appliedAt ?? null,
    ...(known?.appliedAt && lastError
      ? compareWithErrorTime(Date.parse(known.appliedAt), Date.parse(lastError))
      : {}),
  };
}

/**
 * Compares the time of application with that of the last error. Most logs have whole seconds, so within that second the
 * order is unknown.
 */
function compareWithErrorTime(appliedMs: number, errorMs: number): { readonly afterErrors?: boolean } {
  const isWholeSecond = errorMs % 1_000 === 0;
  if (isWholeSecond && appliedMs >= errorMs && appliedMs < errorMs + 1_000) return {};
  return { afterErrors: appliedMs > errorMs };
}

/**
 * Returns the last effect of a migration on the object, or `proves` if it has none but its verify section verifies
 * the repair.
 */
function computeNetEffect(
  kind: DefectKind,
  migration: Migration,
  names: readonly HistoricalObject[],
  made: Set<string>,
): NetEffect {
  let net: NetEffect = null;
  let creates = false;
  let at = 0;
  for (const { effects } of migration.statements) {
    // CREATE TABLE IF NOT EXISTS does not change an existing table, and the table with the problem exists.
    const passedOver = effects.some((effect) => effect.kind === 'table' && effect.unlessExists);
    for (const effect of effects) {
      const then = names[at++]!;
      if (passedOver) continue;
      if (effect.kind === 'table' && isSameName(effect.table, then.table)) creates = true;
      const does = kind.does(effect, then) ?? classifyGeneralEffect(effect, then, made);
      if (does === 'makes') rememberCreatedName(effect, made);
      // If the migration itself creates the table without the object, nothing was removed.
      if (does !== null && !(does === 'takes-away' && creates && net === null && made.size === 0)) net = does;
    }
  }
  if (net !== null) return net;
  const last = names.at(-1)!;
  return migration.verify.some((query) => query.checks.some((check) => kind.verifies(check, last)))
    ? 'proves'
    : null;
}

/**
 * Handles effects common to all kinds: dropping the table, the column, or the created index or constraint, and renaming
 * the latter.
 */
function classifyGeneralEffect(
  effect: Effect,
  then: HistoricalObject,
  made: Set<string>,
): ObjectChange | null {
  if (effect.kind === 'drop table') return isSameName(effect.table, then.table) ? 'takes-away' : null;
  if (effect.kind === 'drop column')
    return isSameName(effect.table, then.table) && [then.column, ...then.columns].includes(effect.column)
      ? 'takes-away'
      : null;
  if (effect.kind === 'drop index') return made.has(effect.index.name) ? 'takes-away' : null;
  if (effect.kind === 'drop constraint')
    return isSameName(effect.table, then.table) && made.has(effect.name) ? 'takes-away' : null;
  if (effect.kind === 'rename index' && made.has(effect.from.name)) made.add(effect.to.name);
  if (effect.kind === 'rename constraint' && made.has(effect.from)) made.add(effect.to);
  return null;
}

/**
 * Records the names under which the created object may be dropped later. If the file gives none, it is PostgreSQL's
 * default.
 */
function rememberCreatedName(effect: Effect, made: Set<string>): void {
  if (effect.kind === 'foreign key')
    made.add(effect.name ?? `${effect.table.name}_${effect.columns.join('_')}_fkey`);
  if (effect.kind !== 'index') return;
  const keys = effect.keys.map(chooseKeyName).join('_');
  if (effect.name !== null) made.add(effect.name);
  else if (effect.primary) made.add(`${effect.table.name}_pkey`);
  else for (const label of ['key', 'idx']) made.add(`${effect.table.name}_${keys}_${label}`);
}

/**
 * Returns the part of a key in PostgreSQL's default index name: the column, the name of a called function, or `expr`.
 */
function chooseKeyName(key: IndexKey): string {
  if ('column' in key) return key.column;
  const all = tokenizeWithDepth(key.expression);
  const called = readQualifiedName(all, 0);
  if (called === null || !isSymbol(all[called.next], '(')) return 'expr';
  return findClosingBracket(all, called.next) === all.length - 1 ? called.table : 'expr';
}

const APPLIED_STATES: ReadonlySet<string> = new Set([
  'applied',
  'unverified',
  'superseded',
  'edited',
  'partial',
]);

/**
 * Returns the object's names before each effect of each migration and after the last. Starting from the current names,
 * applied renames are undone backwards, and pending ones are followed forwards.
 */
function traceNames(
  now: HistoricalObject,
  { manifest, status }: KnownMigrations,
): readonly (readonly HistoricalObject[])[] {
  const effects = manifest.migrations.map(({ statements }) =>
    statements.flatMap((statement) => statement.effects),
  );
  const isApplied = manifest.migrations.map(
    ({ name }) =>
      status === null ||
      APPLIED_STATES.has(status.migrations.find((each) => each.name === name)?.state ?? ''),
  );
  const today = isApplied.lastIndexOf(true) + 1;
  const names: HistoricalObject[][] = effects.map(
    (list) => Array(list.length + 1).fill(now) as HistoricalObject[],
  );
  let then = now;
  for (let i = today - 1; i >= 0; i--) {
    names[i]![effects[i]!.length] = then;
    for (let at = effects[i]!.length - 1; at >= 0; at--)
      names[i]![at] = then = applyRename(effects[i]![at]!, then, 'back');
  }
  then = now;
  for (let i = today; i < effects.length; i++) {
    names[i]![0] = then;
    effects[i]!.forEach((effect, at) => {
      names[i]![at + 1] = then = applyRename(effect, then, 'on');
    });
  }
  return names;
}

function applyRename(effect: Effect, then: HistoricalObject, way: 'back' | 'on'): HistoricalObject {
  if (effect.kind === 'rename table') {
    const [from, to] = way === 'on' ? [effect.from, effect.to] : [effect.to, effect.from];
    return isSameName(from, then.table)
      ? { ...then, table: { schema: to.schema ?? then.table!.schema, name: to.name } }
      : then;
  }
  if (effect.kind === 'rename column' && isSameName(effect.table, then.table)) {
    const [from, to] = way === 'on' ? [effect.from, effect.to] : [effect.to, effect.from];
    const name = (each: string): string => (each === from ? to : each);
    return {
      ...then,
      column: then.column === null ? null : name(then.column),
      columns: then.columns.map(name),
    };
  }
  return then;
}

/**
 * Returns a sentence if a migration creates the missing index as a partial one: the application's statement must then
 * repeat the predicate, or it continues to fail. Returns null if no such migration exists.
 */
export function findPredicateToAdd(
  object: DefectObject,
  repairing: readonly RepairingMigration[],
  { manifest }: KnownMigrations,
): string | null {
  const then = toHistoricalObject(object);
  for (const { name, does } of repairing) {
    if (does === 'takes-away') continue;
    const statements = manifest.migrations.find((each) => each.name === name)?.statements ?? [];
    for (const effect of statements.flatMap((statement) => statement.effects)) {
      if (effect.kind !== 'index' || effect.predicate === null || !isUniqueOver(effect, then)) continue;
      if (classifyImplication(object.detail, effect.predicate) === 'implied') continue;
      return (
        `The index of ${name} is partial, so the application's statement must change as well: ` +
        `ON CONFLICT (${object.columns.join(', ')}) WHERE ${effect.predicate}.`
      );
    }
  }
  return null;
}
