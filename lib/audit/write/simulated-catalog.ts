/** Simulates the target's catalog after repairs are deployed. Pure. */
import type { Catalog } from '../../../lambda/audit/catalog';
import type { Column } from '../../../lambda/audit/catalog/columns';
import { buildObjectKey } from '../../../lambda/audit/catalog/compare';
import type { Grant } from '../../../lambda/audit/catalog/grants';
import type { ColumnReference, Sequence } from '../../../lambda/audit/catalog/sequences';
import type { ComparedId, Difference, LostObject } from '../../../lambda/audit/compare/difference';
import { applyMoves } from '../../../lambda/audit/compare/moved-extensions';
import { listDescendants } from '../../../lambda/audit/inheritance';
import {
  hasPrivilegeInformation,
  listExplicitGrants,
  type PrivilegeObject,
} from '../../../lambda/audit/rights';
import { findByTable } from './lookup';
import { buildOnlyForDefault } from './parts/column-values';
import { toAddedColumn } from './parts/columns';
import { listObjectsMadeWith } from './parts/new-table';
import type { RepairContext } from './repair-context';

/** Catalog to which repairs are applied in memory. */
export class SimulatedCatalog {
  private readonly objects = new Map<keyof Catalog, Map<string, object>>();
  private readonly lists: Partial<Record<keyof Catalog, readonly object[]>> = {};

  constructor(catalog: Catalog) {
    this.hold(catalog);
  }

  private hold(catalog: Catalog): void {
    for (const kind of Object.keys(catalog) as (keyof Catalog)[]) {
      const all: readonly Catalog[typeof kind][number][] = catalog[kind];
      this.objects.set(kind, new Map(all.map((each) => [buildObjectKey(kind, each), each])));
      this.lists[kind] = all;
    }
  }

  get catalog(): Catalog {
    for (const [kind, objects] of this.objects) this.lists[kind] ??= [...objects.values()];
    return { ...this.lists } as Catalog;
  }

  /** Applies the repair of a difference. */
  record(context: RepairContext, { id, lost }: Difference): void {
    for (const each of lost) {
      // Moving an extension renames its objects wherever they are used.
      if (each.kind === 'extensions' && each.to)
        this.hold(applyMoves(this.catalog, [{ from: each.to, to: each.from }]).catalog);
      const made = simulateDifference(context, id, each);
      for (const kind of Object.keys(made) as (keyof Catalog)[]) {
        for (const object of made[kind] as readonly Catalog[typeof kind][number][])
          this.objects.get(kind)!.set(buildObjectKey(kind, object), object);
        delete this.lists[kind];
      }
    }
  }
}

function simulateDifference(context: RepairContext, id: ComparedId, lost: LostObject): Partial<Catalog> {
  const { source, target } = context;
  switch (lost.kind) {
    case 'tables':
      if (lost.to === undefined) {
        const { schema, name } = lost.from;
        const made = listObjectsMadeWith(context, lost.from);
        const isOwner = (of: ColumnReference): boolean => of.schema === schema && of.table === name;
        return {
          ...made,
          sequences: made.sequences?.map((each) => assignOwner(target, each, isOwner)) ?? [],
        };
      }
      return {
        tables: [
          id === 'row-security-disabled'
            ? copyFields(lost.to, lost.from, ['rowSecurity', 'rowSecurityForced'])
            : id === 'missing-replica-identity'
              ? copyFields(lost.to, lost.from, ['replicaIdentity', 'replicaIdentityIndex'])
              : { ...lost.from, ...(lost.to.rowSecurity ? { rowSecurity: true } : {}) },
        ],
      };
    case 'columns': {
      const now = target.columns.find(
        (each) => buildObjectKey('columns', each) === buildObjectKey('columns', lost.from),
      );
      const added = toAddedColumn(context, lost.from);
      return {
        columns: [
          now ? copyFields(now, lost.from, CHANGED_FIELDS[id] ?? []) : added,
          ...listChildColumns(context, id, lost.from),
        ],
        // The default of a plain column, with its sequence, is repaired after the column.
        ...(id === 'column-type-changed' ||
        id === 'missing-not-null' ||
        (now === undefined && !added.identity)
          ? {}
          : {
              sequences: source.sequences
                .filter(suppliesColumn(lost.from))
                .map((each) => assignOwner(target, each, isColumn(lost.from))),
            }),
      };
    }
    // A constraint brings its index with it, and the index of a constraint brings the constraint.
    case 'indexes':
      return { indexes: [lost.from], constraints: source.constraints.filter(isSameObject(lost.from)) };
    case 'constraints':
      return {
        constraints: [lost.from],
        indexes: source.indexes.filter((each) => each.constraint && isSameObject(lost.from)(each)),
      };
    // The step that creates it also revokes the privileges of PUBLIC that the source does not have.
    case 'functions':
      return {
        functions: [lost.from],
        ...simulateRevocation(context, { on: 'function', ...lost.from }, lost.to),
      };
    case 'types':
      return {
        types: [lost.from],
        ...simulateRevocation(
          context,
          { on: 'type', schema: lost.from.schema, name: lost.from.name },
          lost.to,
        ),
      };
    case 'grants':
      return { grants: [toGranted(target, lost.from)] };
    // A separate step sets the owner of the sequence, after its column was created.
    case 'sequences': {
      const { ownedBy, ...free } = lost.from;
      return { sequences: [lost.to === undefined && ownedBy ? free : lost.from] };
    }
    default:
      return { [lost.kind]: [lost.from] };
  }
}

const simulateRevocation = (
  { source }: RepairContext,
  { on, schema, name, signature }: PrivilegeObject,
  to: object | undefined,
): Partial<Catalog> =>
  to === undefined && hasPrivilegeInformation(source)
    ? { grants: listExplicitGrants(source, { on, schema, name, signature }).filter(({ revoked }) => revoked) }
    : {};

/** Returns the grant after a revocation, which may remove only the grant option. */
function toGranted(target: Catalog, grant: Grant): Grant {
  if (!grant.revoked || !grant.grantable) return grant;
  const { revoked: _r, grantable: _g, ...rest } = grant;
  return target.grants.some((each) => buildObjectKey('grants', each) === buildObjectKey('grants', grant))
    ? rest
    : grant;
}

/** Returns the columns of child tables that ALTER TABLE changes too. */
function listChildColumns(context: RepairContext, id: ComparedId, from: Column): readonly Column[] {
  const { target } = context;
  const of = { schema: from.schema, name: from.table };
  const children = listDescendants(target, of);
  if (children.length === 0) return [];
  if (id === 'missing-default' || id === 'missing-primary-key-default') {
    if (buildOnlyForDefault(context, from)) return [];
  } else if (id !== 'missing-column' && id !== 'column-type-changed' && id !== 'missing-not-null') return [];
  return children.map(({ schema, name: table }): Column => {
    const now = findByTable(target.columns, { schema, name: table }).find((each) => each.name === from.name);
    return now
      ? copyFields(now, from, CHANGED_FIELDS[id] ?? [])
      : { ...toAddedColumn(context, from), schema, table, inherited: true };
  });
}

const CHANGED_FIELDS: Partial<Record<ComparedId, readonly (keyof Column)[]>> = {
  'column-type-changed': ['type', 'collation'],
  'missing-not-null': ['notNull', 'notNullNotValid'],
  'missing-primary-key-default': ['default', 'identity'],
  'missing-default': ['default', 'identity', 'generated', 'virtual'],
  'missing-identity': ['default', 'identity'],
};

function copyFields<T extends object>(now: T, from: T, fields: readonly (keyof T)[]): T {
  const next = { ...now };
  for (const field of fields) {
    delete next[field];
    if (from[field] !== undefined) next[field] = from[field];
  }
  return next;
}

/** Returns a function that tells whether a sequence supplies the column's default or identity. */
const suppliesColumn =
  ({ schema, table, name }: Column) =>
  ({ ownedBy, usedBy = [], identity }: Catalog['sequences'][number]): boolean =>
    [...usedBy, ...(identity && ownedBy ? [ownedBy] : [])].some(isColumn({ schema, table, name }));

const isColumn =
  ({ schema, table, name }: Pick<Column, 'schema' | 'table' | 'name'>) =>
  (each: ColumnReference): boolean =>
    each.schema === schema && each.table === table && each.column === name;

/** Keeps the owner of a sequence that several columns use only if the owning column is being restored. */
function assignOwner(
  target: Catalog,
  sequence: Sequence,
  isOwner: (of: ColumnReference) => boolean,
): Sequence {
  if (sequence.ownedBy === undefined || isOwner(sequence.ownedBy)) return sequence;
  const { ownedBy: _, ...rest } = sequence;
  const now = target.sequences.find(
    (each) => buildObjectKey('sequences', each) === buildObjectKey('sequences', sequence),
  );
  return now?.ownedBy ? { ...rest, ownedBy: now.ownedBy } : rest;
}

type TableObjectName = { readonly schema: string; readonly table: string; readonly name: string };
const isSameObject =
  ({ schema, table, name }: TableObjectName) =>
  (each: TableObjectName): boolean =>
    each.schema === schema && each.table === table && each.name === name;
