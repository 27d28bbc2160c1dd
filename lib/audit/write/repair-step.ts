/** Repair step: a part of a generated migration. Steps with the same group are written to one file. */
import type { Grant } from '../../../lambda/audit/catalog/grants';
import type { Reference } from '../../../lambda/audit/catalog/kind';

/** Phases in the order in which files are deployed. A phase comes after those that it depends on. */
export const PHASES = [
  'schema',
  'extension',
  'collation',
  'type',
  'sequence',
  'table',
  'column',
  'column type',
  // A generated column is computed from other columns.
  'generated column',
  // Function bodies are resolved only when they run.
  'function',
  'not null',
  'default',
  'sequence position',
  'index',
  'view',
  'constraint',
  'foreign key',
  // PostgreSQL chooses names for the keys that these add to partitions, and they could collide with others.
  'foreign key to partitions',
  'trigger',
  'policy',
  'row security',
  'replica identity',
  'rename',
  'revoke',
  'grant',
  'publication',
  'comment',
  'setting',
] as const;
export type Phase = (typeof PHASES)[number];

export interface RepairStep {
  readonly phase: Phase;
  /** Group of the step. The steps of a group have the same phase and are written to one file. */
  readonly group: string;
  /** Table whose file the step may share. @default - none */
  readonly table?: Reference;
  /** Title from which the file's name is made, such as `index by_email`. */
  readonly title: string;
  /** Sentences at the top of the file. */
  readonly about: readonly string[];
  /** Decisions to make before the file is run, as questions or clauses. */
  readonly decide?: readonly string[];
  /** Consents of the file: rule and reason. */
  readonly consents?: Readonly<Record<string, string>>;
  /** Queries of the preflight section. Each row is a reason why the step cannot work. */
  readonly preflight?: readonly string[];
  readonly up: readonly string[];
  /** Queries of the verify section. Each row is something that is still wrong. */
  readonly verify: readonly string[];
  /** Statements of the down section. @default - the step cannot be undone without risk */
  readonly down?: readonly string[];
  /** Objects that the step creates. They get the privileges of the source, regardless of the role that creates them. */
  readonly creates?: readonly CreatedObject[];
  /** Keys of objects that the step creates. Steps that name them come later. */
  readonly makes?: readonly string[];
  /** SQL that names the objects which the step needs. @default - `up` */
  readonly needs?: string;
  /** SQL that names the objects which are needed once the created object is used. @default - none */
  readonly calls?: string;
}

/** Object that default privileges can apply to. */
export type CreatedObject = Pick<Grant, 'on' | 'schema' | 'name' | 'signature'>;

/** Result for a difference that no SQL repairs, with the reason as a clause. */
export interface Unrepairable {
  readonly unwritten: string;
}

export const isRepairStep = (made: RepairStep | Unrepairable): made is RepairStep => 'up' in made;
