/** What could not be looked at, and why: nothing is taken for whole because nobody looked. */
import type { Reference } from './catalogue/kind';
import type { ReadCatalogue } from './catalogue/read';

export interface NotSeen {
  /** `position of a sequence`, `rows of a table`, `workload` */
  readonly what: string;
  /** None where it is about the database as a whole. */
  readonly of?: Reference;
  readonly why: string;
}

/** {@link NotSeen.what} of a table that was not counted. */
export const ROWS = 'rows of a table';

export const isOfRows = (each: NotSeen): each is NotSeen & { readonly of: Reference } =>
  each.what === ROWS && each.of !== undefined;

export const MAY_NOT_READ = 'the role may not read it';

/** Of a question that was read only, in words of our own: a server's message may quote anything. */
export function whyRefused(sqlstate: string, timeoutMs: number): string {
  switch (sqlstate) {
    case '42501':
      return 'row security hides rows from the role';
    case '57014':
      return `it takes longer than ${timeoutMs / 1_000} s`;
    case '55P03':
    case '40P01':
      return 'another session holds a lock on it';
    case '42P01':
    case '3F000':
      return 'it was dropped meanwhile';
    default:
      return `the server refused (SQLSTATE ${sqlstate})`;
  }
}

/** Of the catalogue itself. */
export const unseenIn = ({ catalogue: { others }, moved }: ReadCatalogue): readonly NotSeen[] => [
  ...(moved ? [MOVED] : []),
  ...others.map(({ kind, count }) => ({
    what: `${kind} (${count})`,
    why: 'a snapshot does not describe them',
  })),
];

const MOVED: NotSeen = {
  what: 'a schema at rest',
  why: 'it changed each time it was read: objects are shown as they were before or after a change',
};

export const WITHOUT_SOURCE: NotSeen = {
  what: 'what was lost',
  why: 'no source to compare with was given (--from)',
};

export const NOT_DEEP: NotSeen = {
  what: 'duplicates under unique indexes that are there',
  why: 'only --deep reads whole tables',
};
