/**
 * Runs the engine in the deployed function of a stack, since a database in isolated subnets cannot be reached from
 * outside.
 */
import type { MigrateRequest, MigrateResponse } from '../../../lambda/contract/migrate';
import { requireMigration } from '../folder';
import type { Operations } from '../operations';
import { type CallFunction, type FunctionUse, findMigrateFunction } from './migrate-function';

export interface RemoteOptions {
  readonly stackName: string;
  /** Required if the stack has several schemas. */
  readonly namespace?: string;
}

type ActionResponse<A extends MigrateResponse['action']> = MigrateResponse & { readonly action: A };

/** Returns the operations. The stack's outputs are read when each function is first called. */
export function createRemoteOperations({ stackName, namespace }: RemoteOptions): Operations {
  const functions: { [use in FunctionUse]?: Promise<CallFunction> } = {};
  const call = async <A extends MigrateResponse['action']>(
    use: FunctionUse,
    request: MigrateRequest & { readonly action: A },
  ): Promise<ActionResponse<A>> => {
    functions[use] ??= findMigrateFunction(stackName, use, namespace);
    const response = await (await functions[use])(request);
    if (response.action === request.action) return response as ActionResponse<A>;
    throw new Error(`the function answered ${response.action} to ${request.action}`);
  };
  return {
    label: namespace === undefined ? `stack ${stackName}` : `${namespace} of stack ${stackName}`,
    status: async () => (await call('ask', { action: 'status' })).status,
    plan: async () => (await call('ask', { action: 'plan' })).plan,
    verify: async () => (await call('ask', { action: 'verify' })).verification,
    baseline: async (upTo, { id }) => {
      // Uses the migrate function, so that permission to invoke only that function is enough.
      requireMigration((await call('change', { action: 'status' })).status, upTo);
      return (await call('change', { action: 'baseline', upTo, id })).outcome;
    },
    declare: async (declared, { id }) => (await call('change', { action: 'declare', declared, id })).outcome,
    down: async (name, { id }) => (await call('change', { action: 'down', name, id })).outcome,
  };
}
