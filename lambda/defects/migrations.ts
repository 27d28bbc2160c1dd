/**
 * Which migrations make what a defect lacks, and which take it away: from what their statements do, as the compiler read
 * them, in order. How each stands is the ledger's word.
 */
import type { Doing, RepairingMigration } from '../contract/diagnosis';
import type { Effect, IndexKey } from '../contract/effects';
import type { Manifest, Migration } from '../contract/manifest';
import type { Status } from '../contract/status';
import { closing, isSymbol, place, qualifiedName } from '../sql/clauses';
import { implies } from '../sql/predicates';
import type { DefectKind } from './defect';
import { isSame, isUniqueOver, objectThen } from './effects';
import type { DefectObject, ObjectThen } from './object';

export interface KnownMigrations {
  readonly manifest: Manifest;
  /** Null where the ledger could not be read. */
  readonly status: Status | null;
}

/** Null where a migration is not about it. */
type Net = Doing | 'proves' | null;

/** @param lastError ISO time; the ledger's times are compared with it */
export function repairingMigrations(
  kind: DefectKind,
  object: DefectObject,
  known: KnownMigrations,
  lastError?: string,
): readonly RepairingMigration[] {
  const { migrations } = known.manifest;
  const names = namesOverTime(objectThen(object), known);
  const made = new Set<string>();
  const nets = migrations.map((migration, i) => netOf(kind, migration, names[i]!, made));
  return migrations.flatMap((migration, i): RepairingMigration[] => {
    const net = nets[i]!;
    if (net === null) return [];
    const after = nets.findIndex((later, at) => at > i && later === 'takes-away');
    const made = nets.findIndex((later, at) => at > i && later === 'makes');
    // What a later one makes again was taken away for a while only, and is no news.
    if (net === 'takes-away' && made >= 0) return [];
    const lost = net !== 'takes-away' && made < after;
    return [
      {
        ...stateOf(migration, known, lastError),
        does: net === 'takes-away' ? 'takes-away' : 'makes',
        ...(lost ? { undoneBy: migrations[after]!.name } : {}),
      },
    ];
  });
}

function stateOf(
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
      ? { afterErrors: Date.parse(known.appliedAt) > Date.parse(lastError) }
      : {}),
  };
}

/** What a migration leaves behind: its last effect on the object, or that its verify section proves the repair. */
function netOf(kind: DefectKind, migration: Migration, names: readonly ObjectThen[], made: Set<string>): Net {
  let net: Net = null;
  let creates = false;
  let at = 0;
  for (const { effects } of migration.statements) {
    // CREATE TABLE IF NOT EXISTS changes nothing in a table that is there, as the one with the defect is.
    const passedOver = effects.some((effect) => effect.kind === 'table' && effect.unlessExists);
    for (const effect of effects) {
      const then = names[at++]!;
      if (passedOver) continue;
      if (effect.kind === 'table' && isSame(effect.table, then.table)) creates = true;
      const does = kind.does(effect, then) ?? generally(effect, then, made);
      if (does === 'makes') remember(effect, made);
      // A table that begins without it never had it.
      if (does !== null && !(does === 'takes-away' && creates && net === null && made.size === 0)) net = does;
    }
  }
  if (net !== null) return net;
  const last = names.at(-1)!;
  return migration.verify.some((query) => query.checks.some((check) => kind.verifies(check, last)))
    ? 'proves'
    : null;
}

/** What goes with its table, its column, or under its own name. */
function generally(effect: Effect, then: ObjectThen, made: Set<string>): Doing | null {
  if (effect.kind === 'drop table') return isSame(effect.table, then.table) ? 'takes-away' : null;
  if (effect.kind === 'drop column')
    return isSame(effect.table, then.table) && [then.column, ...then.columns].includes(effect.column)
      ? 'takes-away'
      : null;
  if (effect.kind === 'drop index') return made.has(effect.index.name) ? 'takes-away' : null;
  if (effect.kind === 'drop constraint')
    return isSame(effect.table, then.table) && made.has(effect.name) ? 'takes-away' : null;
  if (effect.kind === 'rename index' && made.has(effect.from.name)) made.add(effect.to.name);
  if (effect.kind === 'rename constraint' && made.has(effect.from)) made.add(effect.to);
  return null;
}

/** Under which name it may be dropped later; where the file gives none, the one that PostgreSQL gives. */
function remember(effect: Effect, made: Set<string>): void {
  if (effect.kind === 'foreign key')
    made.add(effect.name ?? `${effect.table.name}_${effect.columns.join('_')}_fkey`);
  if (effect.kind !== 'index') return;
  const keys = effect.keys.map(keyName).join('_');
  if (effect.name !== null) made.add(effect.name);
  else if (effect.primary) made.add(`${effect.table.name}_pkey`);
  else for (const label of ['key', 'idx']) made.add(`${effect.table.name}_${keys}_${label}`);
}

/** What PostgreSQL calls a key where it chooses the index's name: a call by its function, another expression `expr`. */
function keyName(key: IndexKey): string {
  if ('column' in key) return key.column;
  const all = place(key.expression);
  const called = qualifiedName(all, 0);
  if (called === null || !isSymbol(all[called.next], '(')) return 'expr';
  return closing(all, called.next) === all.length - 1 ? called.table : 'expr';
}

const APPLIED: ReadonlySet<string> = new Set(['applied', 'unverified', 'superseded', 'edited', 'partial']);

/**
 * The names of the object before each effect of each migration, and after the last: from today's names back through the
 * renames that were applied, and on through those that wait.
 */
function namesOverTime(
  now: ObjectThen,
  { manifest, status }: KnownMigrations,
): readonly (readonly ObjectThen[])[] {
  const effects = manifest.migrations.map(({ statements }) =>
    statements.flatMap((statement) => statement.effects),
  );
  const isApplied = manifest.migrations.map(
    ({ name }) =>
      status === null || APPLIED.has(status.migrations.find((each) => each.name === name)?.state ?? ''),
  );
  const today = isApplied.lastIndexOf(true) + 1;
  const names: ObjectThen[][] = effects.map((list) => Array(list.length + 1).fill(now) as ObjectThen[]);
  let then = now;
  for (let i = today - 1; i >= 0; i--) {
    names[i]![effects[i]!.length] = then;
    for (let at = effects[i]!.length - 1; at >= 0; at--)
      names[i]![at] = then = renamed(effects[i]![at]!, then, 'back');
  }
  then = now;
  for (let i = today; i < effects.length; i++) {
    names[i]![0] = then;
    effects[i]!.forEach((effect, at) => {
      names[i]![at + 1] = then = renamed(effect, then, 'on');
    });
  }
  return names;
}

function renamed(effect: Effect, then: ObjectThen, way: 'back' | 'on'): ObjectThen {
  if (effect.kind === 'rename table') {
    const [from, to] = way === 'on' ? [effect.from, effect.to] : [effect.to, effect.from];
    return isSame(from, then.table)
      ? { ...then, table: { schema: to.schema ?? then.table!.schema, name: to.name } }
      : then;
  }
  if (effect.kind === 'rename column' && isSame(effect.table, then.table)) {
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
 * A migration may make the missing index, but a partial one: then the application's statement has to carry the predicate
 * as well, or it goes on failing. Null when there is nothing to say.
 */
export function predicateToAdd(
  object: DefectObject,
  repairing: readonly RepairingMigration[],
  { manifest }: KnownMigrations,
): string | null {
  const then = objectThen(object);
  for (const { name, does } of repairing) {
    if (does === 'takes-away') continue;
    const statements = manifest.migrations.find((each) => each.name === name)?.statements ?? [];
    for (const effect of statements.flatMap((statement) => statement.effects)) {
      if (effect.kind !== 'index' || effect.predicate === null || !isUniqueOver(effect, then)) continue;
      if (implies(object.detail, effect.predicate) === 'implied') continue;
      return (
        `The index of ${name} is partial, so the application's statement must change as well: ` +
        `ON CONFLICT (${object.columns.join(', ')}) WHERE ${effect.predicate}.`
      );
    }
  }
  return null;
}
