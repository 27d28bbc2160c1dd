/** What a database is, without its rows: one list a kind of object. */
import { type Column, columns } from './columns';
import { type Constraint, constraints } from './constraints';
import { type Index, indexes } from './indexes';
import type { Kind } from './kind';
import { type Schema, schemas } from './schemas';
import { type Sequence, sequences } from './sequences';
import { type Table, tables } from './tables';

export type { Column, Constraint, Index, Schema, Sequence, Table };

/** Sorted by name. Objects of the application alone: none of the server, of an extension, or of Trueup. */
export interface Catalogue {
  readonly schemas: readonly Schema[];
  readonly tables: readonly Table[];
  readonly columns: readonly Column[];
  readonly sequences: readonly Sequence[];
  readonly indexes: readonly Index[];
  readonly constraints: readonly Constraint[];
}

/** In the order in which they are read and written. */
export const KINDS: { readonly [K in keyof Catalogue]: Kind<Catalogue[K][number]> } = {
  schemas,
  tables,
  columns,
  sequences,
  indexes,
  constraints,
};
