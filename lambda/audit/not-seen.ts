/** What could not be looked at, and why: nothing is taken for whole because nobody looked. */
import type { Reference } from './catalogue/kind';

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
