/** Manifests made in a test, without files: for tests of the planner and of cases that the compiler would refuse. */

import type { ConvergeRequest } from '../../lambda/contract/converge';
import type { RelationLock } from '../../lambda/contract/locks';
import {
  type ExecutionMode,
  type Manifest,
  type Migration,
  makeGuaranteedWorkload,
  makeManifest,
  type Statement,
  type StatementTarget,
  sha256,
} from '../../lambda/contract/manifest';
import type { WorkloadStatement } from '../../lambda/contract/workload';

export interface StatementSketch {
  readonly sql: string;
  readonly execution?: ExecutionMode;
  readonly locks?: readonly RelationLock[];
  readonly target?: StatementTarget;
}

export interface MigrationSketch {
  readonly up?: readonly (string | StatementSketch)[];
  readonly preflight?: string;
  readonly verify?: string;
  readonly down?: readonly (string | StatementSketch)[];
  readonly undo?: Migration['undo'];
  readonly supersedes?: readonly string[];
  readonly settings?: Partial<Migration['settings']>;
  readonly breaks?: string;
}

const statement = (sketch: string | StatementSketch, index: number): Statement => {
  const {
    sql,
    execution = 'transaction',
    locks = [],
    target = null,
  } = typeof sketch === 'string' ? { sql: sketch } : sketch;
  return {
    sql,
    line: index + 3,
    checksum: sha256(sql),
    command: sql.split(/\s+/).slice(0, 2).join(' ').toUpperCase(),
    execution,
    locks,
    destroys: null,
    rewrites: null,
    target,
    effects: [],
  };
};

export function migration(name: string, sketch: MigrationSketch = {}): Migration {
  const statements = (sketch.up ?? ['SELECT 1']).map(statement);
  const down = (sketch.down ?? []).map(statement);
  const digits = name.match(/^\d+/)?.[0] ?? '';
  const text = (part: string | undefined) => (part === undefined ? null : sha256(part));
  return {
    name,
    kind: digits === '' ? 'repeatable' : 'versioned',
    version: digits,
    file: `${name}.sql`,
    description: '',
    preflight: sketch.preflight === undefined ? [] : [{ sql: sketch.preflight, line: 2, checks: [] }],
    statements,
    verify: sketch.verify === undefined ? [] : [{ sql: sketch.verify, line: 99, checks: [] }],
    verifyWhen: statements.every((s) => s.execution === 'transaction') ? 'before-commit' : 'after-commit',
    withoutVerify: sketch.verify === undefined ? 'a test' : null,
    down,
    undo: sketch.undo ?? (down.length > 0 ? 'automatic' : 'none'),
    settings: { supersedes: sketch.supersedes ?? [], ...sketch.settings },
    ...(sketch.breaks === undefined ? {} : { breaks: sketch.breaks }),
    checksums: {
      up: sha256(statements.map((s) => s.sql).join(';\n')),
      down: down.length > 0 ? sha256(down.map((s) => s.sql).join(';\n')) : null,
      verify: text(sketch.verify),
      preflight: text(sketch.preflight),
    },
  };
}

export const manifestOf = (...migrations: Migration[]): Manifest => makeManifest(migrations);

/** The same with a workload: one text a statement. */
export const promising = (
  manifest: Manifest,
  ...statements: (string | Partial<WorkloadStatement>)[]
): Manifest => ({
  ...manifest,
  workload: makeGuaranteedWorkload(
    statements.map((each) => ({
      text: '',
      role: null,
      searchPath: null,
      calls: null,
      ...(typeof each === 'string' ? { text: each } : each),
    })),
  ),
});

let requests = 0;

/** A forward request by hand, under a new id. */
export const request = (manifest: Manifest, change: Partial<ConvergeRequest> = {}): ConvergeRequest => ({
  id: `request-${++requests}`,
  namespace: 'app',
  owner: null,
  direction: 'forward',
  manifestHash: manifest.hash,
  ...change,
});
