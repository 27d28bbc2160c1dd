/**
 * A ledger and a database in memory, and `migrate` on them: the engine's own planner decides, the model only keeps
 * book. What the planner is not to blame for (locks, SQL) is left out.
 */

import type { ConvergeOutcome, ConvergeReport, ConvergeRequest } from '../../lambda/contract/converge';
import { describeError } from '../../lambda/contract/errors';
import {
  type Manifest,
  type Migration,
  serializeRecordedDown,
  toManifestEntry,
} from '../../lambda/contract/manifest';
import type {
  Ledger,
  LedgerDeployment,
  LedgerMigration,
  UndoableDeployment,
} from '../../lambda/engine/ledger/ledger';
import { formatStackOwner } from '../../lambda/engine/ledger/ledger-rows';
import { findPreconditionError, isForeignOwner, planForward } from '../../lambda/engine/plan/plan';
import { planRollback } from '../../lambda/engine/plan/rollback';
import { buildReport } from '../../lambda/engine/plan/run-report';
import type { Run } from '../../lambda/engine/run';
import type { Migrate } from './world';

export interface Deed {
  readonly action: 'apply' | 'undo';
  readonly name: string;
  /** The request that did it. */
  readonly by: string;
  /** The request that had applied what was undone. */
  readonly of: string;
}

/** A migration with this in its first statement fails. */
export const BROKEN = 'SELECT broken';

export class Model {
  readonly deeds: Deed[] = [];
  private rows: LedgerMigration[] = [];
  private readonly downs = new Map<string, string | null>();
  private readonly deployments: (LedgerDeployment & { manifest: Manifest })[] = [];
  private owner: string | null = null;
  private locked = false;

  get applied(): string[] {
    return this.rows.filter(({ state }) => state === 'applied').map(({ name }) => name);
  }

  private ledger(id: string): Ledger {
    return {
      server: { version: '18', versionNumber: 180000, inRecovery: false, role: 'me', canActAsOwner: true },
      schemaOwner: 'me',
      mayInstall: true,
      version: 1,
      readableBy: 1,
      verification: 1,
      owner: this.owner,
      migrations: [...this.rows],
      deployment: this.deployments.find((each) => each.id === id) ?? null,
      newest: this.deployments.at(-1) ?? null,
    };
  }

  readonly migrate: Migrate = async (manifest, { request }, pause) => {
    const outcome = await this.converge(manifest, request, pause);
    return { action: 'converge', outcome };
  };

  /** The order of questions is the engine's, in converge.ts. */
  private async converge(
    manifest: Manifest,
    asked: ConvergeRequest,
    pause: () => Promise<void>,
  ): Promise<ConvergeOutcome> {
    const before = this.answerAtOnce(manifest, asked);
    if (before) return before;
    await pause();
    if (this.locked) {
      const waitingFor = { code: 'busy', message: 'another runner is working', remedy: 'Wait.' } as const;
      return { status: 'continue', progress: 'waiting', waitingFor, report: EMPTY };
    }
    this.locked = true;
    try {
      const since = this.answerAtOnce(manifest, asked);
      if (since) return since;
      const request = this.begin(manifest, asked);
      const outcome =
        request.direction !== 'rollback' && !request.remove
          ? await this.forward(manifest, request, pause)
          : await this.back(manifest, request, pause);
      if (outcome.status !== 'continue') this.end(request.id, outcome);
      return outcome;
    } finally {
      this.locked = false;
    }
  }

  private answerAtOnce(manifest: Manifest, request: ConvergeRequest): ConvergeOutcome | null {
    const ledger = this.ledger(request.id);
    const { deployment, newest } = ledger;
    if (deployment?.result) return deployment.result;
    const older =
      newest?.requestedAt &&
      request.startedAt &&
      request.startedAt < newest.requestedAt &&
      !isForeignOwner(ledger, request);
    if (newest && newest.id !== request.id && (deployment || older))
      return ended(request, 'a newer request has taken over');
    const refused = findPreconditionError(manifest, ledger, request);
    if (refused) return ended(request, describeError(refused));
    return request.remove && !request.failed ? { status: 'done', report: buildReport(ledger, null) } : null;
  }

  private begin(manifest: Manifest, request: ConvergeRequest): ConvergeRequest {
    this.owner = request.owner ? formatStackOwner(request.owner) : this.owner;
    const known = this.deployments.find(({ id }) => id === request.id);
    if (known) return { ...request, direction: known.direction };
    this.deployments.push({
      id: request.id,
      direction: request.direction,
      manifestHash: manifest.hash,
      outcome: 'running',
      result: null,
      requestedAt: request.startedAt ?? null,
      startedAt: '',
      finishedAt: null,
      manifest,
    });
    return request;
  }

  private end(id: string, outcome: ConvergeOutcome): void {
    const index = this.deployments.findIndex((each) => each.id === id);
    const ended = outcome.status === 'done' ? 'done' : 'failed';
    this.deployments[index] = { ...this.deployments[index]!, outcome: ended, result: outcome };
  }

  private async forward(
    manifest: Manifest,
    request: ConvergeRequest,
    pause: () => Promise<void>,
  ): Promise<ConvergeOutcome> {
    const ledger = this.ledger(request.id);
    const plan = planForward(manifest, ledger, request);
    const run = emptyRun(manifest, request);
    const report = (): ConvergeReport => buildReport(ledger, run, plan);
    if (plan.errors[0]) return { status: 'failed', error: plan.errors[0], report: report() };
    for (const { migration } of plan.steps) {
      await pause();
      if (migration.statements[0]!.sql.startsWith(BROKEN)) {
        const error = { code: 'statement', message: 'it is broken', remedy: 'Fix it.' } as const;
        return { status: 'failed', error, report: report() };
      }
      this.apply(migration, request.id);
      run.applied.add(migration.name);
    }
    return { status: 'done', report: report() };
  }

  private async back(
    manifest: Manifest,
    request: ConvergeRequest,
    pause: () => Promise<void>,
  ): Promise<ConvergeOutcome> {
    const ledger = this.ledger(request.id);
    const plan = planRollback(manifest, ledger, this.failed(request), request);
    const run = emptyRun(manifest, request);
    run.kept.push(...plan.kept);
    run.warnings.push(...plan.warnings);
    for (const { name } of plan.undo) {
      await pause();
      const row = this.rows.find((each) => each.name === name)!;
      this.deeds.push({ action: 'undo', name, by: request.id, of: row.deployment });
      this.rows = this.rows.filter((each) => each.name !== name);
      run.undone.add(name);
    }
    for (const migration of plan.restore) this.apply(migration, request.id);
    return { status: 'done', report: buildReport(ledger, run) };
  }

  private failed(request: ConvergeRequest): UndoableDeployment | null {
    const newest = this.deployments.findLast(({ direction }) => direction !== 'rollback');
    const { manifestHash, since } = request.failed ?? {};
    if (!newest || newest.manifestHash !== manifestHash) return null;
    if (since && (newest.requestedAt ?? '') < since) return null;
    const own = this.rows.filter(({ deployment }) => deployment === newest.id);
    return {
      id: newest.id,
      entries: newest.manifest.migrations.map(toManifestEntry),
      downs: Object.fromEntries(own.map(({ name }) => [name, this.downs.get(name) ?? null])),
    };
  }

  private apply(migration: Migration, deployment: string): void {
    const { name, kind, checksums, statements, down } = migration;
    this.deeds.push({ action: 'apply', name, by: deployment, of: deployment });
    this.downs.set(name, down.length === 0 ? null : serializeRecordedDown(down));
    this.rows = this.rows.filter((each) => each.name !== name);
    this.rows.push({
      name,
      kind,
      state: 'applied',
      upChecksum: checksums.up,
      statement: statements.length,
      statementChecksums: statements.map((s) => s.checksum),
      running: null,
      target: null,
      attempts: 0,
      verified: true,
      baselined: false,
      deployment,
      appliedAt: '',
      durationMs: 0,
    });
  }
}

const EMPTY = buildReport(null, null);

function ended(request: ConvergeRequest, message: string): ConvergeOutcome {
  if (request.direction !== 'rollback' && !request.remove) {
    return { status: 'failed', error: { code: 'busy', message, remedy: '' }, report: EMPTY };
  }
  return {
    status: 'done',
    report: { ...EMPTY, warnings: [`the rollback left the schema as it is: ${message}`] },
  };
}

const emptyRun = (manifest: Manifest, request: ConvergeRequest): Run =>
  ({
    manifest,
    names: { namespace: request.namespace, deployment: request.id, ownerRole: null },
    applied: new Set<string>(),
    settled: new Set<string>(),
    baselined: new Set<string>(),
    undone: new Set<string>(),
    kept: [],
    warnings: [],
  }) as unknown as Run;
