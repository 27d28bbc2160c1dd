/**
 * One CloudFormation stack of three resources, in this order: the functions' code, our custom resource, and a later
 * resource that depends on it (the application). Plays the operations, and keeps events as CloudFormation shows them.
 *
 * The order of events, the statuses and what a custom resource is sent are CloudFormation's documented ones
 * (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-custom-resources.html, and docs/rollback.md
 * for what is assumed).
 */
import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { DEPLOY_RESOURCE_TYPE } from '../../../../lambda/contract/custom-resource';
import type { CustomResourceAnswer, CustomResources } from './custom-resource';

export interface StackTemplate<Code> {
  /** What the functions run; another object is another version. */
  readonly code: Code;
  /** Properties of our resource; null when it is not in the template. */
  readonly schema: Readonly<Record<string, unknown>> | null;
  /** The resource after ours: another text is an update; with `fails`, one that goes wrong. @default - `1` */
  readonly application?: string;
  readonly applicationFails?: boolean;
}

export interface RecordedEvent {
  readonly atMs: number;
  readonly logicalId: string;
  readonly physicalId: string;
  readonly type: string;
  readonly status: string;
  readonly reason: string;
}

export interface UpdateOptions {
  /** `--no-rollback`: what failed stays as it is. @default false */
  readonly disableRollback?: boolean;
  /** A nested stack waits, UPDATE_COMPLETE, for what its parent decides: `commit` or `rollBack`. @default false */
  readonly nested?: boolean;
}

export const LOGICAL_IDS = { code: 'Functions', schema: 'Schema', application: 'Application' } as const;

/** Thrown inside an operation when it is cancelled. */
const CANCELLED = 'Resource update cancelled';

interface Live<Code> {
  code: Code | null;
  schema: Readonly<Record<string, unknown>> | null;
  application: string | null;
}

export interface StackHooks<Code> {
  /** Puts the code in place; null removes the functions. */
  readonly deployCode: (code: Code | null) => Promise<void>;
  readonly customResources: CustomResources;
  /** Milliseconds since the epoch. @default - the machine's clock */
  readonly now?: () => number;
}

export class Stack<Code> {
  readonly id: string;
  readonly events: RecordedEvent[] = [];
  status = 'REVIEW_IN_PROGRESS';
  /** Attributes of our resource, from its last successful answer. */
  attributes: Readonly<Record<string, unknown>> = {};
  /** Changed by CloudFormation as it goes. */
  private live: Live<Code> = { code: null, schema: null, application: null };
  /** The last stable state: where a rollback leads. */
  private stable: Live<Code> = { code: null, schema: null, application: null };
  private physicalId: string | null = null;
  /** With rollback disabled, what failed is tried again by the next update, changed or not. */
  private schemaFailed: 'create' | 'update' | null = null;
  /** Tried in this attempt, successfully or not: what a rollback has to undo. */
  private attempted = new Set<keyof typeof LOGICAL_IDS>();
  private cancelled = false;

  constructor(
    readonly name: string,
    region: string,
    account: string,
    private readonly hooks: StackHooks<Code>,
  ) {
    this.id = `arn:aws:cloudformation:${region}:${account}:stack/${name}/${randomUUID()}`;
    this.stackEvent('REVIEW_IN_PROGRESS', 'User Initiated');
  }

  /** What CloudFormation believes our resource to be. */
  get schema(): Readonly<Record<string, unknown>> | null {
    return this.live.schema;
  }

  async create(template: StackTemplate<Code>, options: UpdateOptions = {}): Promise<string> {
    this.begin('CREATE_IN_PROGRESS', 'User Initiated');
    const failed = await this.forward(template);
    if (failed === null) return this.commit('CREATE_COMPLETE');
    const reason = `The following resource(s) failed to create: [${failed}].`;
    if (options.disableRollback) return this.stackEvent('CREATE_FAILED', reason);
    this.stackEvent('ROLLBACK_IN_PROGRESS', `${reason} Rollback requested by user.`);
    return (await this.removeAll())
      ? this.stackEvent('ROLLBACK_COMPLETE')
      : this.stackEvent('ROLLBACK_FAILED');
  }

  async update(template: StackTemplate<Code>, options: UpdateOptions = {}): Promise<string> {
    this.begin('UPDATE_IN_PROGRESS', 'User Initiated');
    const failed = await this.forward(template);
    if (failed === null) {
      if (options.nested) return this.stackEvent('UPDATE_COMPLETE');
      this.stackEvent('UPDATE_COMPLETE_CLEANUP_IN_PROGRESS');
      await this.cleanUp();
      return this.commit('UPDATE_COMPLETE');
    }
    const reason = this.cancelled
      ? 'User Initiated'
      : `The following resource(s) failed to update: [${failed}].`;
    if (options.disableRollback && !this.cancelled) return this.stackEvent('UPDATE_FAILED', reason);
    return this.rollBack(reason);
  }

  /** Stops an update that runs: what is in progress is given up, and everything goes back. */
  cancel(): void {
    this.cancelled = true;
    this.hooks.customResources.abandon(this.id, CANCELLED);
  }

  /** Also `cdk rollback` of an UPDATE_FAILED stack, and what a parent does to a nested stack that had succeeded. */
  async rollBack(reason = 'User Initiated'): Promise<string> {
    this.stackEvent('UPDATE_ROLLBACK_IN_PROGRESS', reason);
    const { stable, live } = this;
    let failed: string | null = null;
    if (this.attempted.has('code') && live.code !== stable.code && stable.code !== null) {
      await this.updateCode(stable.code);
    }
    if (this.attempted.has('schema') && stable.schema !== null) {
      const ended = await this.updateSchema(stable.schema);
      if (ended !== null) failed = LOGICAL_IDS.schema;
    }
    if (failed !== null) {
      return this.stackEvent(
        'UPDATE_ROLLBACK_FAILED',
        `The following resource(s) failed to update: [${failed}].`,
      );
    }
    if (
      this.attempted.has('application') &&
      stable.application !== null &&
      live.application !== stable.application
    ) {
      this.event('application', 'UPDATE_IN_PROGRESS');
      live.application = stable.application;
      this.event('application', 'UPDATE_COMPLETE');
    }
    this.stackEvent('UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS');
    await this.cleanUp();
    return this.commit('UPDATE_ROLLBACK_COMPLETE');
  }

  async delete(): Promise<string> {
    this.begin('DELETE_IN_PROGRESS', 'User Initiated');
    return (await this.removeAll()) ? this.stackEvent('DELETE_COMPLETE') : this.stackEvent('DELETE_FAILED');
  }

  /** What a nested stack does once its parent has succeeded. */
  commit(status = 'UPDATE_COMPLETE'): string {
    this.stable = { ...this.live };
    this.attempted.clear();
    return this.status === status ? status : this.stackEvent(status);
  }

  private begin(status: string, reason: string): void {
    this.cancelled = false;
    this.stackEvent(status, reason);
  }

  /** Creates and updates in order. The logical id of what failed, or null. */
  private async forward(template: StackTemplate<Code>): Promise<string | null> {
    const { live } = this;
    if (live.code !== template.code) {
      this.attempted.add('code');
      await this.updateCode(template.code);
    }
    if (this.cancelled) return LOGICAL_IDS.code;
    const changed = this.schemaFailed !== null || !isDeepStrictEqual(live.schema, template.schema);
    if (template.schema !== null && changed) {
      this.attempted.add('schema');
      const ended =
        this.physicalId === null || this.schemaFailed === 'create'
          ? await this.createSchema(template.schema)
          : await this.updateSchema(template.schema);
      if (ended !== null) return LOGICAL_IDS.schema;
    }
    this.removed = template.schema === null && live.schema !== null;
    const { application = '1', applicationFails = false } = template;
    if (live.application !== application || applicationFails) {
      const verb = live.application === null ? 'CREATE' : 'UPDATE';
      this.attempted.add('application');
      this.event('application', `${verb}_IN_PROGRESS`);
      if (applicationFails) {
        this.event('application', `${verb}_FAILED`, 'The service did not become stable.');
        return LOGICAL_IDS.application;
      }
      live.application = application;
      this.event('application', `${verb}_COMPLETE`);
    }
    return null;
  }

  /** Our resource is no longer in the template: its Delete comes last. */
  private removed = false;

  /** Deletes what the new state does not have: a resource that was taken out, or one that a failed update had made. */
  private async cleanUp(): Promise<void> {
    const madeInVain =
      this.status.includes('ROLLBACK') && this.stable.schema === null && this.attempted.has('schema');
    if (this.removed || madeInVain) await this.deleteSchema();
    this.removed = false;
    if (madeInVain && this.stable.code === null && this.live.code !== null) await this.removeCode();
  }

  private async removeAll(): Promise<boolean> {
    const { live } = this;
    if (live.application !== null) {
      this.event('application', 'DELETE_IN_PROGRESS');
      live.application = null;
      this.event('application', 'DELETE_COMPLETE');
    }
    if (this.physicalId !== null && !(await this.deleteSchema())) return false;
    if (live.code !== null) await this.removeCode();
    return true;
  }

  private async updateCode(code: Code): Promise<void> {
    const verb = this.live.code === null ? 'CREATE' : 'UPDATE';
    this.event('code', `${verb}_IN_PROGRESS`);
    await this.hooks.deployCode(code);
    this.live.code = code;
    this.event('code', `${verb}_COMPLETE`);
  }

  private async removeCode(): Promise<void> {
    this.event('code', 'DELETE_IN_PROGRESS');
    await this.hooks.deployCode(null);
    this.live.code = null;
    this.event('code', 'DELETE_COMPLETE');
  }

  private async createSchema(properties: Readonly<Record<string, unknown>>): Promise<string | null> {
    this.event('schema', 'CREATE_IN_PROGRESS');
    const answer = await this.request({ RequestType: 'Create', ResourceProperties: properties });
    // What never answered gets an invented id, with which it is deleted.
    this.physicalId =
      answer.physicalId ?? `${this.name}-${LOGICAL_IDS.schema}-${randomUUID().slice(0, 8).toUpperCase()}`;
    this.live.schema = properties;
    this.schemaFailed = answer.failed === null ? null : 'create';
    if (answer.failed !== null) {
      this.event('schema', 'CREATE_FAILED', answer.failed);
      return answer.failed;
    }
    this.event('schema', 'CREATE_IN_PROGRESS', 'Resource creation Initiated');
    this.event('schema', 'CREATE_COMPLETE');
    return null;
  }

  private async updateSchema(properties: Readonly<Record<string, unknown>>): Promise<string | null> {
    this.event('schema', 'UPDATE_IN_PROGRESS');
    const old = this.live.schema!;
    const answer = await this.request({
      RequestType: 'Update',
      PhysicalResourceId: this.physicalId!,
      ResourceProperties: properties,
      OldResourceProperties: old,
    });
    this.live.schema = properties;
    this.schemaFailed = answer.failed === null ? null : 'update';
    if (answer.failed === null && answer.physicalId !== this.physicalId) {
      throw new Error(`another physical id was answered (${answer.physicalId}): that is a replacement`);
    }
    if (answer.failed !== null) {
      this.event('schema', 'UPDATE_FAILED', answer.failed);
      return answer.failed;
    }
    this.event('schema', 'UPDATE_COMPLETE');
    return null;
  }

  private async deleteSchema(): Promise<boolean> {
    this.event('schema', 'DELETE_IN_PROGRESS');
    const answer = await this.request({
      RequestType: 'Delete',
      PhysicalResourceId: this.physicalId!,
      ResourceProperties: this.live.schema!,
    });
    if (answer.failed !== null) {
      this.event('schema', 'DELETE_FAILED', answer.failed);
      return false;
    }
    this.event('schema', 'DELETE_COMPLETE');
    this.physicalId = null;
    this.live.schema = null;
    return true;
  }

  private async request(part: Readonly<Record<string, unknown>>): Promise<CustomResourceAnswer> {
    if (this.cancelled && !this.status.includes('ROLLBACK'))
      return { failed: CANCELLED, physicalId: null, data: {} };
    const answer = await this.hooks.customResources.request({
      ...part,
      StackId: this.id,
      LogicalResourceId: LOGICAL_IDS.schema,
      ResourceType: DEPLOY_RESOURCE_TYPE,
    });
    if (answer.failed === null) this.attributes = answer.data;
    return answer;
  }

  private event(resource: keyof typeof LOGICAL_IDS, status: string, reason = ''): void {
    const logicalId = LOGICAL_IDS[resource];
    const physicalId = resource === 'schema' ? (this.physicalId ?? '') : `${this.name}-${logicalId}`;
    const type = {
      code: 'AWS::Lambda::Function',
      schema: DEPLOY_RESOURCE_TYPE,
      application: 'AWS::ECS::Service',
    };
    this.record({ logicalId, physicalId, type: type[resource], status, reason });
  }

  private stackEvent(status: string, reason = ''): string {
    this.status = status;
    const type = 'AWS::CloudFormation::Stack';
    this.record({ logicalId: this.name, physicalId: this.id, type, status, reason });
    return status;
  }

  private record(event: Omit<RecordedEvent, 'atMs'>): void {
    this.events.push({ atMs: (this.hooks.now ?? Date.now)(), ...event });
  }
}
