/** A piece of a migration that is written. What belongs together has one group, and becomes one file. */

/** The order in which files are deployed: what others need comes first. */
export const PHASES = [
  'schema',
  'extension',
  'collation',
  'type',
  'sequence',
  'table',
  'column',
  'column type',
  // Of other columns.
  'generated column',
  'not null',
  'default',
  'sequence position',
  'function',
  'index',
  'view',
  'constraint',
  'foreign key',
  // PostgreSQL names what these add for each partition, and could take the name of another.
  'foreign key to partitions',
  'trigger',
  'policy',
  'row security',
  'replica identity',
  'rename',
  'grant',
  'publication',
  'comment',
  'setting',
] as const;
export type Phase = (typeof PHASES)[number];

export interface Part {
  readonly phase: Phase;
  /** What becomes one file; of one phase. */
  readonly group: string;
  /** For the file's name: `index by_email`. */
  readonly title: string;
  /** Sentences at the top of the file. */
  readonly about: readonly string[];
  /** What a person has to decide before anything of the file is run, half sentences. */
  readonly decide?: readonly string[];
  /** Rules that the file consents to, and why. */
  readonly consents?: Readonly<Record<string, string>>;
  /** Queries: each row is a reason why it cannot work. */
  readonly preflight?: readonly string[];
  readonly up: readonly string[];
  /** Queries: each row is what is still wrong. */
  readonly verify: readonly string[];
  /** @default - nothing that is harmless undoes it */
  readonly down?: readonly string[];
  /** What it makes, by {@link key}, so that whoever names it comes later. */
  readonly makes?: readonly string[];
  /** Where names of what it needs stand. @default - `up` */
  readonly needs?: string;
  /** Where names of what it needs once it is used stand. @default - nowhere else */
  readonly calls?: string;
}

/** No SQL mends it: half a sentence. */
export interface Unwritten {
  readonly unwritten: string;
}

export const isPart = (made: Part | Unwritten): made is Part => 'up' in made;
