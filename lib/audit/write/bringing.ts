/**
 * Brings back difference after difference. What is gone with something larger is only known when that is back: so the
 * two are compared again, until nothing more is found. Pure; the parser must be ready.
 */
import type { Catalogue } from '../../../lambda/audit/catalogue';
import { compare } from '../../../lambda/audit/compare';
import type { ComparedId, Difference } from '../../../lambda/audit/compare/difference';
import { generationOf } from '../../../lambda/audit/inheritance';
import { key } from '../../../lambda/audit/names';
import type { Context } from './context';
import { partsOf } from './difference';
import { isPart, type Part, type Unwritten } from './part';
import { Virtual } from './virtual';

/** Of what lies in each other: a schema, a table, its columns, an index, a constraint, a comment on it. */
const ROUNDS = 12;

export interface NotWritten {
  readonly difference: Difference;
  /** Half a sentence. */
  readonly why: string;
}

export class Bringing {
  readonly parts: Part[] = [];
  /** Of what followed from something larger, and is no finding by itself. */
  readonly unwritten: NotWritten[] = [];
  private readonly now: Virtual;
  private readonly base: Omit<Context, 'target'>;
  private readonly brought = new Map<string, readonly (Part | Unwritten)[]>();

  constructor(
    source: Catalogue,
    target: Catalogue,
    { positions, roles }: Pick<Context, 'positions' | 'roles'>,
  ) {
    const major = Math.floor((target.database[0]?.serverVersionNumber ?? 0) / 10_000);
    this.base = { source, positions, roles, major };
    this.now = new Virtual(target);
  }

  /** As it is when all that was brought is deployed. */
  get context(): Context {
    return { ...this.base, target: this.now.catalogue };
  }

  /** Once: what was brought already is only told again. */
  bring(difference: Difference): readonly (Part | Unwritten)[] {
    const name = exactNameOf(difference);
    const known = this.brought.get(name);
    if (known) return known;
    const { context } = this;
    const made = partsOf(context, difference);
    this.brought.set(name, made);
    this.parts.push(...made.filter(isPart));
    if (made.some(isPart)) this.now.bring(context, difference);
    return made;
  }

  /** A table that inherits is made of what its parents are. */
  private parentsFirst(all: readonly Difference[]): readonly Difference[] {
    const generation = ({ lost: [lost] }: Difference): number =>
      lost?.kind === 'tables' && lost.to === undefined ? generationOf(this.base.source, lost.from) : 0;
    return [...all].sort((one, other) => generation(one) - generation(other));
  }

  /**
   * An index of a partitioned table is built on each partition, and a child is made of its parents: these come back first, also
   * where they went with their schema.
   */
  bringTables(leftOut: ReadonlySet<string>): void {
    this.bringRest(leftOut, new Set<ComparedId>(['schema-lost']));
    this.bringRest(leftOut, new Set<ComparedId>(['table-lost']));
  }

  /**
   * @param leftOut by {@link nameOf}: what is accepted, or not asked for
   * @param only of these kinds. @default - of all
   */
  bringRest(leftOut: ReadonlySet<string>, only?: ReadonlySet<ComparedId>): void {
    for (let round = 0; round < ROUNDS; round++) {
      const more = compare(this.base.source, this.now.catalogue).differences.filter(
        (each) =>
          (only?.has(each.id) ?? true) && !leftOut.has(nameOf(each)) && !this.brought.has(exactNameOf(each)),
      );
      if (more.length === 0) return;
      // A publication is of the tables that there are in the end.
      const first = more.filter(({ id }) => id !== 'publication-lost');
      // What fills a column is a decision in the file of its table.
      for (const each of this.parentsFirst(first.length > 0 ? first : more))
        for (const made of this.bring(each))
          if (!isPart(made) && each.lost[0]?.kind !== 'columns')
            this.unwritten.push({ difference: each, why: made.unwritten });
    }
  }
}

const exactNameOf = ({ id, object, message }: Difference): string => key(id, object, message);

/** What one line of accepted findings is about. */
export const nameOf = ({ id, object }: Pick<Difference, 'id' | 'object'>): string => key(id, object);
