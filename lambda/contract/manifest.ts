/**
 * The manifest describes a folder of migrations, as PostgreSQL's own parser read it at build time.
 *
 * It is part of the Lambda asset. The engine relies only on it; no SQL is parsed at run time.
 */
import { createHash } from 'node:crypto';
import type { Suppression } from './audit-findings';
import type { Effect, ObjectName, VerificationCall } from './effects';
import type { RelationLock } from './locks';
import type { GuaranteedWorkload, WorkloadStatement } from './workload';

/**
 * How a statement must be sent:
 * - `transaction`: may share a transaction with its neighbors
 * - `separate`: needs its own transaction (VALIDATE CONSTRAINT after its NOT VALID, ALTER TYPE … ADD VALUE)
 * - `non-transactional`: PostgreSQL rejects it in a transaction block (CREATE INDEX CONCURRENTLY and similar
 *   commands)
 * - `batch`: a data change that is repeated, each time in its own transaction, until it changes no rows
 */
export type ExecutionMode = 'transaction' | 'separate' | 'non-transactional' | 'batch';

/** The object that a statement changes, so that its result can be read from the catalog after a lost connection. */
export type StatementTarget =
  /** `reindex` covers one index, `table`, `schema`, or, if none of the three is given, the whole database. */
  | {
      readonly kind: 'index';
      readonly action: 'create' | 'drop' | 'reindex';
      /** As in pg_class, without quotes; `null` if PostgreSQL chooses the name. */
      readonly name: string | null;
      /** As in pg_namespace; `null` if the statement names none. */
      readonly schema: string | null;
      /** As in SQL, quoted where needed; `null` if it is not known. */
      readonly table: string | null;
      readonly unique: boolean;
    }
  | {
      readonly kind: 'constraint';
      readonly action: 'validate';
      /** The name as in pg_constraint, without quotes. */
      readonly name: string;
      /** As in SQL, quoted where needed. */
      readonly table: string;
    }
  | {
      readonly kind: 'partition';
      readonly action: 'detach';
      /** Names as in SQL, quoted where needed. */
      readonly table: string;
      readonly partition: string;
    }
  | {
      readonly kind: 'subscription';
      readonly action: 'create' | 'drop';
      /** The name as in pg_subscription, without quotes. */
      readonly name: string;
    }
  | {
      readonly kind: 'subscription';
      readonly action: 'set' | 'add' | 'remove';
      readonly name: string;
      readonly publications: readonly string[];
    }
  /** A statement that can be run again without harm. */
  | {
      readonly kind: 'maintenance';
      /**
       * Tables for which the server records when they were vacuumed; empty if nothing shows that the statement
       * completed.
       */
      readonly vacuumed: readonly string[];
    };

/** When a non-transactional statement was begun. The server adds this to the target in the ledger. */
export interface StatementStart {
  /** A transaction id; newer rows were written since. */
  readonly xid: string;
  /** The time by the server's clock. */
  readonly at: string;
}

/** The target of a statement that was begun. @param since absent if older code recorded it */
export type StartedTarget = StatementTarget & { readonly since?: StatementStart };

export interface Statement {
  /** The statement as written, without the final semicolon, and with LF line ends. */
  readonly sql: string;
  /** Line of its first character in the file, from 1. */
  readonly line: number;
  /** SHA-256 of `sql`, in hexadecimal. */
  readonly checksum: string;
  /** The command, for people: `ALTER TABLE`, `CREATE INDEX CONCURRENTLY`. */
  readonly command: string;
  readonly execution: ExecutionMode;
  readonly locks: readonly RelationLock[];
  /** A description of the data that it destroys; `null` if it destroys none. */
  readonly destroys: string | null;
  /** A description of what it rewrites or scans under a strong lock; `null` for nothing. */
  readonly rewrites: string | null;
  readonly target: StatementTarget | null;
  /**
   * The objects that it creates and removes, in order. Empty if there are none, or if they cannot be determined (DO,
   * the body of a called function).
   */
  readonly effects: readonly Effect[];
}

/** A query of a preflight or verify section. Each row it returns is a sentence about what is wrong. */
export interface Query {
  readonly sql: string;
  readonly line: number;
  /** Its calls of Trueup's own verification functions. */
  readonly checks: readonly VerificationCall[];
  /** Whether it consists only of such calls, with literals as arguments. @default false */
  readonly checksOnly?: boolean;
  /** The names that it uses apart from those calls. @default - no relation */
  readonly reads?: QueryReads;
}

/** Names as the catalog stores them. */
export interface QueryReads {
  readonly relations: readonly ObjectName[];
  /** Names of columns, without their relations. */
  readonly columns: readonly string[];
}

export interface MigrationSettings {
  /** How long one attempt waits for a lock that writers queue behind. @default - 500 ms */
  readonly lockTimeoutMs?: number;
  /** How long a transaction may hold such locks, over all its statements. @default - 5,000 ms */
  readonly statementTimeoutMs?: number;
  /** Names of older migrations whose verify section no longer holds, so that it never blocks a run. */
  readonly supersedes: readonly string[];
}

export interface Migration {
  /** File name without `.sql`, e.g. `0002_id_default`, `R__link_lead`. */
  readonly name: string;
  readonly kind: 'versioned' | 'repeatable';
  /** The digits before the first underscore, compared as a number; empty for a repeatable. */
  readonly version: string;
  /** Path relative to the folder, for messages. */
  readonly file: string;
  /** The comment at the beginning of the file; empty if there is none. */
  readonly description: string;
  readonly preflight: readonly Query[];
  /** The `up` section, followed by the `batch` section if there is one. */
  readonly statements: readonly Statement[];
  readonly verify: readonly Query[];
  /**
   * `after-commit` if verify reads table data while `up` holds a lock that writers queue behind, or if `up` has
   * non-transactional statements.
   */
  readonly verifyWhen: 'before-commit' | 'after-commit';
  /** Why there is no verify section; null when there is one. */
  readonly withoutVerify: string | null;
  readonly down: readonly Statement[];
  /** `automatic`: a rollback may run `down`. `by-name`: only a person may run it. `none`: there is no down section. */
  readonly undo: 'automatic' | 'by-name' | 'none';
  readonly settings: MigrationSettings;
  /**
   * Why it may break statements of the running application (`-- migrate:consent breaks <why>`).
   * @default - it may not
   */
  readonly breaks?: string;
  readonly checksums: MigrationChecksums;
  /**
   * Present only for a file that, according to the folder, was applied before Trueup was adopted. Such a file had no
   * rules of consent to follow.
   */
  readonly history?: MigrationHistory;
}

export interface MigrationHistory {
  /**
   * Whether, without consent, it destroys data or runs code that may destroy data. It is then not run on a database
   * that holds any data.
   */
  readonly destroys: boolean;
  /** Why it can only be recorded and never run; its statements are then not in the manifest. */
  readonly cannotRun: string | null;
}

/**
 * SHA-256 of the sections as written (LF line ends, surrounding white space trimmed); `null` if there is no such
 * section.
 */
export interface MigrationChecksums {
  readonly up: string;
  /**
   * Checksum of the statements without comments and whitespace, so that texts that differ only in those have the same
   * checksum.
   * @default - not known
   */
  readonly plain?: string;
  readonly down: string | null;
  readonly verify: string | null;
  readonly preflight: string | null;
}

export interface Manifest {
  readonly format: 1;
  /** {@link hashManifestEntries} the entries of `migrations`, in order. */
  readonly hash: string;
  /** In order of application: versioned migrations by number, then repeatables by name. */
  readonly migrations: readonly Migration[];
  /**
   * The guaranteed workload of the application in this code. It has its own hash, which the custom resource contains
   * in addition to that of the entries: a rollback checks the hash of the entries, and the entries of older code
   * never change.
   * @default - no guaranteed workload
   */
  readonly workload?: GuaranteedWorkload;
  /**
   * Whether the guaranteed workload of the previous application is removed.
   * @default - without a workload, the previous one stays
   */
  readonly removesWorkload?: boolean;
  /**
   * Audit findings that this code suppresses. They are not part of the hash, since they change nothing in the
   * database.
   * @default - none
   */
  readonly suppressions?: readonly Suppression[];
}

/**
 * The data that the hash covers, and that a deployment records for each migration. With it, a later rollback can
 * check that an undo in the ledger is the one that was deployed. The fields, their order and their spelling never
 * change.
 */
export interface ManifestEntry {
  readonly name: string;
  readonly up: string;
  /** SHA-256 of {@link serializeRecordedDown}; `null` if there is no down section. */
  readonly down: string | null;
  readonly verify: string | null;
  /** `<kind>/<undo>` */
  readonly class: string;
  /** Settings as canonical JSON. */
  readonly settings: string;
}

export function toManifestEntry(migration: Migration): ManifestEntry {
  const { lockTimeoutMs = null, statementTimeoutMs = null, supersedes } = migration.settings;
  return {
    name: migration.name,
    up: migration.checksums.up,
    down: migration.down.length === 0 ? null : sha256(serializeRecordedDown(migration.down)),
    verify: migration.checksums.verify,
    class: `${migration.kind}/${migration.undo}`,
    settings: JSON.stringify([lockTimeoutMs, statementTimeoutMs, [...supersedes]]),
  };
}

/**
 * Serializes a `down` for the ledger, with everything that is needed to run it when its file no longer exists. The
 * format never changes.
 */
export function serializeRecordedDown(down: readonly Statement[]): string {
  return JSON.stringify(
    down.map((s) => [
      s.execution,
      s.sql,
      s.command,
      s.locks.map((lock) => [lock.relation, lock.mode]),
      s.line,
    ]),
  );
}

export const sha256 = (text: string): string => createHash('sha256').update(text, 'utf8').digest('hex');

/** Whether a request is about this code. After an update, the previous code may still receive requests for a while. */
export const matchesManifest = (
  { manifestHash, workload }: { readonly manifestHash: string; readonly workload?: string | null },
  manifest: Pick<Manifest, 'hash' | 'workload'>,
): boolean =>
  manifestHash === manifest.hash &&
  (workload === undefined || workload === (manifest.workload?.hash ?? null));

/**
 * Hashes the entries. The hash function must never change, because CloudFormation passes back hashes that older code
 * computed.
 */
export function hashManifestEntries(entries: readonly ManifestEntry[]): string {
  const lines = entries.map((e) => JSON.stringify([e.name, e.up, e.down, e.verify, e.class, e.settings]));
  return sha256(`trueup manifest 1\n${lines.join('\n')}\n`);
}

export function makeManifest(migrations: readonly Migration[]): Manifest {
  return { format: 1, hash: hashManifestEntries(migrations.map(toManifestEntry)), migrations };
}

/**
 * Hashes a guaranteed workload. The hash function must never change, because the ledger stores a workload under this
 * hash, and a stack's template contains it.
 */
export function hashWorkload(statements: readonly WorkloadStatement[]): string {
  const lines = statements.map((s) => JSON.stringify([s.text, s.role, s.searchPath, s.calls]));
  return sha256(`trueup workload 1\n${lines.join('\n')}\n`);
}

export const makeGuaranteedWorkload = (statements: readonly WorkloadStatement[]): GuaranteedWorkload => ({
  hash: hashWorkload(statements),
  statements,
});

/** Returns the part after the number and its separator; empty if the name is only a number. */
export const readTitle = (name: string): string => name.replace(/^\d+[-_]*/, '');

/**
 * Finds the versioned file that has the same title as `name` and another number. Returns null if there is none or several.
 * The number is not compared: a file with only the same number may be another migration, under a misspelled name.
 */
export function findRenumbered(name: string, files: readonly string[]): string | null {
  const title = readTitle(name);
  const similar = files.filter((each) => title !== '' && readTitle(each) === title);
  return similar.length === 1 ? similar[0]! : null;
}
