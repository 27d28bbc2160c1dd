/** What is asked about the application's statements, and what a server's planner answered. None of it holds a value of a row. */

/** A statement as one sender sends it. */
export interface Asked {
  /** Normalized: one statement, constants are `$1`, `$2`, … */
  readonly text: string;
  /** Who sends it; null where nobody knows. It is planned as the connected role all the same, and its privileges are looked up. */
  readonly role: string | null;
  /** As SHOW search_path prints it. Null: that of the connection, with the sender's own schema for `"$user"`. */
  readonly searchPath: string | null;
}

/** What was learned about a statement beside its verdict. */
export interface PlannedFacts {
  /** By number: `integer`, `text`; empty where it could not be analysed. */
  readonly parameterTypes: readonly string[];
  /** Null before PostgreSQL 16, and where it returns no rows. */
  readonly resultTypes: readonly string[] | null;
  /** Tables and views that it names, also through views, as `schema.name`. */
  readonly relations: readonly string[];
  /** Unique indexes by which its ON CONFLICT may decide. */
  readonly arbiters: readonly string[];
}

export type Planned =
  | { readonly outcome: 'plans' }
  /** The server refuses it. `why` is from a list of our own, never the server's words: those quote. */
  | { readonly outcome: 'fails'; readonly sqlstate: string; readonly why: string }
  /** It plans, and every execution of it fails. */
  | {
      readonly outcome: 'would-fail';
      readonly sqlstate: '23502' | '55000';
      readonly why: string;
      /** `schema.table`, and the column (23502) or the index (55000). */
      readonly relation: string;
      readonly object: string;
    }
  | { readonly outcome: 'undecided'; readonly why: string };

export type Verdict = Planned & PlannedFacts;
