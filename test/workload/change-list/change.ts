/** One change of a schema, and what the changes share. */

/** Stands for the application's role. */
export const ROLE = 'the_application';

export interface Change {
  readonly what: string;
  readonly before: string;
  readonly after: string;
  readonly text: string;
  readonly values: readonly unknown[];
  /** What comparing says. */
  readonly verdict: string;
  /** The same before the change is committed. @default - as after it */
  readonly within?: string;
  /** Running it afterwards, with values that have no type. */
  readonly runs: string;
  /** Running it afterwards where it was prepared before: its parameters keep their types. @default - the same */
  readonly prepared?: string;
  /** The oldest major that has what it changes. @default - every one */
  readonly since?: number;
  /** Its path is that of a new session of the role. @default false - it is public */
  readonly connects?: boolean;
}

type Options = Pick<Change, 'within' | 'prepared' | 'since' | 'connects'>;

export const change = (
  what: string,
  [before, after]: readonly [string, string],
  [text, values]: readonly [string, readonly unknown[]],
  verdict: string,
  runs: string,
  options: Options = {},
): Change => ({ what, before, after, text, values, verdict, runs, ...options });

export const T = 'CREATE TABLE t (id int PRIMARY KEY, email text, status text)';
export const INSERT = ['INSERT INTO t (id, email) VALUES ($1, $2)', [1, 'a']] as const;
export const UPSERT = [
  'INSERT INTO t (id, email) VALUES ($1, $2) ON CONFLICT (email) DO NOTHING',
  [1, 'a'],
] as const;
export const READ = ['SELECT email FROM t WHERE id = $1', [1]] as const;
export const ROW = `${T}; INSERT INTO t VALUES (1, 'a', 'new')`;
export const UNIQUE = `${T}; CREATE UNIQUE INDEX by_email ON t (email)`;
export const PLUS =
  'CREATE FUNCTION plus(a int, b int DEFAULT 1) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN a + b; END $$';
export const ENUM =
  "CREATE TYPE mood AS ENUM ('glad', 'sad'); CREATE TABLE t (id int PRIMARY KEY, mood mood)";
export const SWAP = 'ALTER TABLE t RENAME TO old; CREATE TABLE t (LIKE old INCLUDING DEFAULTS)';
export const VIEW =
  'ALTER TABLE t RENAME TO base; ALTER TABLE base RENAME email TO mail; CREATE VIEW t AS SELECT id, mail AS email, status FROM base';
export const GRANT = `GRANT ALL ON t TO ${ROLE}`;
