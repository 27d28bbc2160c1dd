/** A catalogue as it will be when something of the source is brought back. Pure. */
import type { Catalogue } from '../../../lambda/audit/catalogue';
import type { Column } from '../../../lambda/audit/catalogue/columns';
import { keyOf } from '../../../lambda/audit/catalogue/compare';
import type { ColumnReference, Sequence } from '../../../lambda/audit/catalogue/sequences';
import type { ComparedId, Difference, Lost } from '../../../lambda/audit/compare/difference';
import { afterMoves } from '../../../lambda/audit/compare/moved-extensions';
import { descendantsOf } from '../../../lambda/audit/inheritance';
import type { Context } from './context';
import { belonging } from './lookup';
import { onlyForDefault } from './parts/column-values';
import { asAdded } from './parts/columns';
import { madeWith } from './parts/new-table';

/** A catalogue that things are brought back to. */
export class Virtual {
  private readonly objects = new Map<keyof Catalogue, Map<string, object>>();
  private readonly lists: Partial<Record<keyof Catalogue, readonly object[]>> = {};

  constructor(catalogue: Catalogue) {
    this.hold(catalogue);
  }

  private hold(catalogue: Catalogue): void {
    for (const kind of Object.keys(catalogue) as (keyof Catalogue)[]) {
      const all: readonly Catalogue[typeof kind][number][] = catalogue[kind];
      this.objects.set(kind, new Map(all.map((each) => [keyOf(kind, each), each])));
      this.lists[kind] = all;
    }
  }

  get catalogue(): Catalogue {
    for (const [kind, objects] of this.objects) this.lists[kind] ??= [...objects.values()];
    return { ...this.lists } as Catalogue;
  }

  /** What this difference is about. */
  bring(context: Context, { id, lost }: Difference): void {
    for (const each of lost) {
      // What an extension brings is called otherwise wherever it is used.
      if (each.kind === 'extensions' && each.to)
        this.hold(afterMoves(this.catalogue, [{ from: each.to, to: each.from }]).catalogue);
      const made = madeOf(context, id, each);
      for (const kind of Object.keys(made) as (keyof Catalogue)[]) {
        for (const object of made[kind] as readonly Catalogue[typeof kind][number][])
          this.objects.get(kind)!.set(keyOf(kind, object), object);
        delete this.lists[kind];
      }
    }
  }
}

function madeOf(context: Context, id: ComparedId, lost: Lost): Partial<Catalogue> {
  const { source, target } = context;
  switch (lost.kind) {
    case 'tables':
      if (lost.to === undefined) {
        const { schema, name } = lost.from;
        const made = madeWith(context, lost.from);
        const isOwner = (of: ColumnReference): boolean => of.schema === schema && of.table === name;
        return { ...made, sequences: made.sequences?.map((each) => ownedHere(target, each, isOwner)) ?? [] };
      }
      return {
        tables: [
          id === 'row-security-lost'
            ? withFields(lost.to, lost.from, ['rowSecurity', 'rowSecurityForced'])
            : id === 'replica-identity'
              ? withFields(lost.to, lost.from, ['replicaIdentity', 'replicaIdentityIndex'])
              : { ...lost.from, ...(lost.to.rowSecurity ? { rowSecurity: true } : {}) },
        ],
      };
    case 'columns': {
      const now = target.columns.find((each) => keyOf('columns', each) === keyOf('columns', lost.from));
      const added = asAdded(context, lost.from);
      return {
        columns: [
          now ? withFields(now, lost.from, FIELDS[id] ?? []) : added,
          ...inChildren(context, id, lost.from),
        ],
        // What a plain column is filled by comes after it.
        ...(id === 'column-type' || id === 'not-null-lost' || (now === undefined && !added.identity)
          ? {}
          : {
              sequences: source.sequences
                .filter(countsFor(lost.from))
                .map((each) => ownedHere(target, each, isColumn(lost.from))),
            }),
      };
    }
    // The index of a constraint is the constraint's, and the other way round.
    case 'indexes':
      return { indexes: [lost.from], constraints: source.constraints.filter(isOf(lost.from)) };
    case 'constraints':
      return {
        constraints: [lost.from],
        indexes: source.indexes.filter((each) => each.constraint && isOf(lost.from)(each)),
      };
    // Whose it is has a part of its own, once its column is there.
    case 'sequences': {
      const { ownedBy, ...free } = lost.from;
      return { sequences: [lost.to === undefined && ownedBy ? free : lost.from] };
    }
    default:
      return { [lost.kind]: [lost.from] };
  }
}

/** What ALTER TABLE does to the children of a table as well. */
function inChildren(context: Context, id: ComparedId, from: Column): readonly Column[] {
  const { target } = context;
  const of = { schema: from.schema, name: from.table };
  const children = descendantsOf(target, of);
  if (children.length === 0) return [];
  if (id === 'default-lost' || id === 'missing-id-default') {
    if (onlyForDefault(context, from)) return [];
  } else if (id !== 'column-lost' && id !== 'column-type' && id !== 'not-null-lost') return [];
  return children.map(({ schema, name: table }): Column => {
    const now = belonging(target.columns, { schema, name: table }).find((each) => each.name === from.name);
    return now
      ? withFields(now, from, FIELDS[id] ?? [])
      : { ...asAdded(context, from), schema, table, inherited: true };
  });
}

const FIELDS: Partial<Record<ComparedId, readonly (keyof Column)[]>> = {
  'column-type': ['type', 'collation'],
  'not-null-lost': ['notNull', 'notNullNotValid'],
  'missing-id-default': ['default', 'identity'],
  'default-lost': ['default', 'identity', 'generated', 'virtual'],
  'identity-lost': ['default', 'identity'],
};

function withFields<T extends object>(now: T, from: T, fields: readonly (keyof T)[]): T {
  const next = { ...now };
  for (const field of fields) {
    delete next[field];
    if (from[field] !== undefined) next[field] = from[field];
  }
  return next;
}

/** What a default or an identity brings with it. */
const countsFor =
  ({ schema, table, name }: Column) =>
  ({ ownedBy, usedBy = [], identity }: Catalogue['sequences'][number]): boolean =>
    [...usedBy, ...(identity && ownedBy ? [ownedBy] : [])].some(isColumn({ schema, table, name }));

const isColumn =
  ({ schema, table, name }: Pick<Column, 'schema' | 'table' | 'name'>) =>
  (each: ColumnReference): boolean =>
    each.schema === schema && each.table === table && each.column === name;

/** A sequence that several columns use is given its owner with that column alone. */
function ownedHere(
  target: Catalogue,
  sequence: Sequence,
  isOwner: (of: ColumnReference) => boolean,
): Sequence {
  if (sequence.ownedBy === undefined || isOwner(sequence.ownedBy)) return sequence;
  const { ownedBy: _, ...rest } = sequence;
  const now = target.sequences.find((each) => keyOf('sequences', each) === keyOf('sequences', sequence));
  return now?.ownedBy ? { ...rest, ownedBy: now.ownedBy } : rest;
}

type Named = { readonly schema: string; readonly table: string; readonly name: string };
const isOf =
  ({ schema, table, name }: Named) =>
  (each: Named): boolean =>
    each.schema === schema && each.table === table && each.name === name;
