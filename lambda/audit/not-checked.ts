/**
 * Something that could not be checked, and the reason. It is reported so that an unchecked object does not pass as
 * sound.
 */
import type { Reference } from './catalog/kind';
import type { CatalogSnapshot } from './catalog/read';

export interface NotCheckedItem {
  /** The part that could not be checked: `position of a sequence`, `rows of a table`, `workload`. */
  readonly what: string;
  /** Object concerned. Undefined if it is the database as a whole. */
  readonly of?: Reference;
  readonly why: string;
}

/** {@link NotCheckedItem.what} of a table whose rows were not counted. */
export const ROWS_NOT_COUNTED = 'rows of a table';

export const isAboutRows = (each: NotCheckedItem): each is NotCheckedItem & { readonly of: Reference } =>
  each.what === ROWS_NOT_COUNTED && each.of !== undefined;

export const MAY_NOT_READ_REASON = 'the role has no privilege to read it';

/** Something that was not checked although the role has the privileges. It never passes as sound. */
const NOT_TRUSTED_REASON =
  'not checked: it may run code that is not trusted with the privileges of this login';

/** Returns why a read-only query failed, in our own words: a message of the server may quote anything. */
export function describeRefusal(sqlstate: string, timeoutMs: number, code?: string): string {
  if (code !== undefined) return `${NOT_TRUSTED_REASON} (${code})`;
  switch (sqlstate) {
    case '42501':
      return 'row security hides rows from the role';
    case '57014':
      return `it took longer than ${timeoutMs / 1_000} s`;
    case '55P03':
    case '40P01':
      return 'another session holds a lock on it';
    case '42P01':
    case '3F000':
      return 'it was dropped during the audit';
    default:
      return `the server refused (SQLSTATE ${sqlstate})`;
  }
}

/** Lists the parts of the catalog itself that could not be read. */
export const listUncheckedOfCatalog = ({
  catalog: { others },
  moved,
}: CatalogSnapshot): readonly NotCheckedItem[] => [
  ...(moved ? [CHANGING_SCHEMA] : []),
  ...others.map(({ kind, count }) => ({
    what: `${kind} (${count})`,
    why: 'a snapshot does not describe them',
  })),
];

const CHANGING_SCHEMA: NotCheckedItem = {
  what: 'a stable schema',
  why: 'the schema changed during each read, so objects may be shown in different states',
};

export const NO_SOURCE_NOT_CHECKED: NotCheckedItem = {
  what: 'missing objects',
  why: 'no source was given to compare with (--from)',
};

export const NO_FULL_SCAN_NOT_CHECKED: NotCheckedItem = {
  what: 'duplicates and orphaned rows under existing keys',
  why: 'only --full-scan reads whole tables',
};
