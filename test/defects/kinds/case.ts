/** One case of a defect kind: what makes it, what fails, what the diagnosis has to say, and what its repair has to do. */
import type { Client } from 'pg';
import type { DiagnosisVerdict } from '../../../lambda/contract/diagnosis';

export interface DefectCase {
  readonly name: string;
  /** Statements, each ending a line with `;`. One that begins with CREATE … CONCURRENTLY may fail. */
  readonly schema: string;
  /** Fails; a function does so on a session of its own, and `shown` is what the log has of it. */
  readonly failing: string | ((client: Client) => Promise<unknown>);
  /** What the server logs as the statement; null where it logs none. @default - `failing` */
  readonly shown?: string | null;
  /** The role that runs `failing`; it has all rights on the tables that `schema` makes. @default 'postgres' */
  readonly role?: string;
  /** Changes the schema between the error and the diagnosis. */
  readonly since?: string;
  readonly case: string | null;
  readonly verdict: DiagnosisVerdict | null;
  /** In the cause, the repair's words, or what was not seen. */
  readonly says?: RegExp;
  readonly saysNot?: RegExp;
  /** Majors. */
  readonly from?: number;
  readonly to?: number;
  /** Settles what the words say has to be resolved first. */
  readonly first?: string;
  /**
   * - `works`: the SQL runs, and then the statement does, three times
   * - `decides`: the words say that a person has to decide; where there is SQL, it works too
   * - `rewrites`: no SQL; the application has to write something else, `instead` for example
   */
  readonly repair: 'works' | 'decides' | 'rewrites';
  /** Has to work as things are, without any repair: what the words advise. */
  readonly instead?: string;
  /** Statement whose first row and column is true when the data is right after the repair. */
  readonly data?: string;
  /** What works after the SQL, where the words say that the application has to change as well. @default - `failing` */
  readonly afterwards?: string;
  /** Whether there has to be SQL. */
  readonly sql?: boolean;
}
