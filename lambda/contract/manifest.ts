/**
 * The manifest: what a folder of migrations is, after PostgreSQL's own parser has read it at build time.
 *
 * It travels in the Lambda asset. The engine decides from it alone: no SQL is parsed at run time.
 */
import { createHash } from 'node:crypto';
import type { Accepted } from './audit';
import type { Check, Effect } from './effects';
import type { RelationLock } from './locks';
import type { PromisedStatement, WorkloadPromise } from './workload';

/**
 * How a statement has to be sent.
 * - `transaction`: may share a transaction with its neighbours
 * - `separate`: a transaction of its own (VALIDATE CONSTRAINT after its NOT VALID, ALTER TYPE … ADD VALUE)
 * - `outside`: PostgreSQL refuses it in a transaction block (CREATE INDEX CONCURRENTLY and its kin)
 * - `batch`: a data change repeated, each time in a transaction of its own, until it changes no row
 */
export type Execution = 'transaction' | 'separate' | 'outside' | 'batch';

/** What a statement is about, so that what became of it can be read from the catalogue after a lost connection. */
export type StatementTarget =
  /** `reindex`: of one index, of `table`, of `schema`, or of the whole database where none of the three is given. */
  | {
      readonly kind: 'index';
      readonly action: 'create' | 'drop' | 'reindex';
      /** As in pg_class, without quotes; null where PostgreSQL chooses the name. */
      readonly name: string | null;
      /** As in pg_namespace; null where SQL gives none. */
      readonly schema: string | null;
      /** As SQL names it, quoted where needed; null where it is not known. */
      readonly table: string | null;
      readonly unique: boolean;
    }
  | {
      readonly kind: 'constraint';
      readonly action: 'validate';
      /** As in pg_constraint, without quotes. */
      readonly name: string;
      /** As SQL names it, quoted where needed. */
      readonly table: string;
    }
  | {
      readonly kind: 'partition';
      readonly action: 'detach';
      /** As SQL names them, quoted where needed. */
      readonly table: string;
      readonly partition: string;
    }
  | {
      readonly kind: 'subscription';
      readonly action: 'create' | 'drop';
      /** As in pg_subscription, without quotes. */
      readonly name: string;
    }
  | {
      readonly kind: 'subscription';
      readonly action: 'set' | 'add' | 'remove';
      readonly name: string;
      readonly publications: readonly string[];
    }
  /** It may be run again without harm. */
  | {
      readonly kind: 'maintenance';
      /** Tables for which the server keeps when they were vacuumed; empty where nothing tells that it was done. */
      readonly vacuumed: readonly string[];
    };

/** When a statement outside a transaction was begun; the server adds it to the target in the ledger. */
export interface Since {
  /** A transaction id: what is newer was made since. */
  readonly xid: string;
  /** By the server's clock. */
  readonly at: string;
}

/** @param since missing where older code recorded it */
export type BegunTarget = StatementTarget & { readonly since?: Since };

export interface Statement {
  /** As written, without the final semicolon, line ends as LF. */
  readonly sql: string;
  /** Line of its first character in the file, from 1. */
  readonly line: number;
  /** SHA-256 of `sql`, hexadecimal. */
  readonly checksum: string;
  /** The command, for people: `ALTER TABLE`, `CREATE INDEX CONCURRENTLY`. */
  readonly command: string;
  readonly execution: Execution;
  readonly locks: readonly RelationLock[];
  /** What data it destroys, in words; null when none. */
  readonly destroys: string | null;
  /** What it rewrites or scans under a strong lock, in words; null when nothing. */
  readonly rewrites: string | null;
  readonly target: StatementTarget | null;
  /** What it makes and takes away, in order; empty where that is nothing, or cannot be seen (DO, a function's inside). */
  readonly effects: readonly Effect[];
}

/** A query of a preflight or verify section. Each row it returns is a sentence about what is wrong. */
export interface Query {
  readonly sql: string;
  readonly line: number;
  /** Its calls of Trueup's own verification functions. */
  readonly checks: readonly Check[];
}

export interface MigrationSettings {
  /** How long one attempt waits for a lock that writers queue behind. @default - 500 ms */
  readonly lockTimeoutMs?: number;
  /** How long a transaction may hold such a lock, all its statements together. @default - 5,000 ms */
  readonly statementTimeoutMs?: number;
  /** Names of older migrations whose verify no longer holds and so never blocks. */
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
  /** The comment that the file begins with; empty when there is none. */
  readonly description: string;
  readonly preflight: readonly Query[];
  /** The `up` section, followed by the `batch` section where there is one. */
  readonly statements: readonly Statement[];
  readonly verify: readonly Query[];
  /** `after-commit` when verify reads table data while `up` holds a lock that writers queue behind, or is not transactional. */
  readonly verifyWhen: 'before-commit' | 'after-commit';
  /** Why there is no verify section; null when there is one. */
  readonly unproved: string | null;
  readonly down: readonly Statement[];
  /** `automatic`: a rollback may run `down` by itself; `by-name`: only a person may; `none`: there is no down. */
  readonly undo: 'automatic' | 'by-name' | 'none';
  readonly settings: MigrationSettings;
  /** Why it may break statements of the running application (`-- migrate:consent breaks <why>`). @default - it may not */
  readonly breaks?: string;
  readonly checksums: MigrationChecksums;
  /** Only of a file that, as the folder says, was applied before Trueup was adopted: it had no rules of consent to follow. */
  readonly history?: History;
}

export interface History {
  /** It destroys data, or what cannot be seen may, without a word of consent: not for a database that has any. */
  readonly destroys: boolean;
  /** Why it can only be recorded, never run; its statements are not in the manifest then. */
  readonly cannotRun: string | null;
}

/** SHA-256 of the sections as written (line ends as LF, outer white space trimmed); null when there is none. */
export interface MigrationChecksums {
  readonly up: string;
  readonly down: string | null;
  readonly verify: string | null;
  readonly preflight: string | null;
}

export interface Manifest {
  readonly format: 1;
  /** {@link hashOf} the entries of `migrations`, in order. */
  readonly hash: string;
  /** Versioned ones by number, then repeatables by name: the order in which they are applied. */
  readonly migrations: readonly Migration[];
  /**
   * What the application of this code sends. It has a hash of its own, which the custom resource carries beside that of
   * the entries: a rollback proves entries, and those of older code never change. @default - it promises nothing
   */
  readonly workload?: WorkloadPromise;
  /** Findings of an audit that were accepted with this code. No part of the hash: they change nothing. @default - none */
  readonly accepted?: readonly Accepted[];
}

/**
 * What the hash is taken over, and what a deployment records of each migration: enough to prove later that an undo in
 * the ledger is the one that was deployed. The fields, their order and their spelling never change.
 */
export interface ManifestEntry {
  readonly name: string;
  readonly up: string;
  /** SHA-256 of {@link recordedDown}; null when there is no down. */
  readonly down: string | null;
  readonly verify: string | null;
  /** `<kind>/<undo>` */
  readonly class: string;
  /** Settings as canonical JSON. */
  readonly settings: string;
}

export function entryOf(migration: Migration): ManifestEntry {
  const { lockTimeoutMs = null, statementTimeoutMs = null, supersedes } = migration.settings;
  return {
    name: migration.name,
    up: migration.checksums.up,
    down: migration.down.length === 0 ? null : sha256(recordedDown(migration.down)),
    verify: migration.checksums.verify,
    class: `${migration.kind}/${migration.undo}`,
    settings: JSON.stringify([lockTimeoutMs, statementTimeoutMs, [...supersedes]]),
  };
}

/** A `down` as the ledger keeps it: all that is needed to run it when the file is gone. The form never changes. */
export function recordedDown(down: readonly Statement[]): string {
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

/** Whether a request is about this code. After an update the code before it may still be asked for a while. */
export const isAbout = (
  { manifestHash, workload }: { readonly manifestHash: string; readonly workload?: string | null },
  manifest: Pick<Manifest, 'hash' | 'workload'>,
): boolean =>
  manifestHash === manifest.hash &&
  (workload === undefined || workload === (manifest.workload?.hash ?? null));

/** Stays the same for ever: CloudFormation hands back hashes that older code made. */
export function hashOf(entries: readonly ManifestEntry[]): string {
  const lines = entries.map((e) => JSON.stringify([e.name, e.up, e.down, e.verify, e.class, e.settings]));
  return sha256(`trueup manifest 1\n${lines.join('\n')}\n`);
}

export function makeManifest(migrations: readonly Migration[]): Manifest {
  return { format: 1, hash: hashOf(migrations.map(entryOf)), migrations };
}

/** Stays the same for ever: a promise is kept in the ledger, and named in a stack's template, by it. */
export function hashOfPromise(statements: readonly PromisedStatement[]): string {
  const lines = statements.map((s) => JSON.stringify([s.text, s.role, s.searchPath, s.calls]));
  return sha256(`trueup workload 1\n${lines.join('\n')}\n`);
}

export const makePromise = (statements: readonly PromisedStatement[]): WorkloadPromise => ({
  hash: hashOfPromise(statements),
  statements,
});
