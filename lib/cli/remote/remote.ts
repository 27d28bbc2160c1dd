/** The engine in the deployed function of a stack: nobody reaches a database in isolated subnets from outside. */
import type { MigrateRequest, MigrateResponse } from '../../../lambda/contract/migrate';
import { requireMigration } from '../folder';
import type { Operations } from '../operations';
import { type CallFunction, migrateFunction, type Use } from './migrate-function';

export interface RemoteOptions {
  readonly stackName: string;
  /** Needed where the stack has several schemas. */
  readonly namespace?: string;
}

type Answer<A extends MigrateResponse['action']> = MigrateResponse & { readonly action: A };

/** The stack is looked at with the first question to each function. */
export function remoteOperations({ stackName, namespace }: RemoteOptions): Operations {
  const functions: { [use in Use]?: Promise<CallFunction> } = {};
  const call = async <A extends MigrateResponse['action']>(
    use: Use,
    request: MigrateRequest & { readonly action: A },
  ): Promise<Answer<A>> => {
    functions[use] ??= migrateFunction(stackName, use, namespace);
    const response = await (await functions[use])(request);
    if (response.action === request.action) return response as Answer<A>;
    throw new Error(`the function answered ${response.action} to ${request.action}`);
  };
  return {
    label: namespace === undefined ? `stack ${stackName}` : `${namespace} of stack ${stackName}`,
    status: async () => (await call('ask', { action: 'status' })).status,
    plan: async () => (await call('ask', { action: 'plan' })).plan,
    verify: async () => (await call('ask', { action: 'verify' })).verification,
    baseline: async (upTo, { id }) => {
      // By the function that changes, so that one right is enough.
      requireMigration((await call('change', { action: 'status' })).status, upTo);
      return (await call('change', { action: 'baseline', upTo, id })).outcome;
    },
    down: async (name, { id }) => (await call('change', { action: 'down', name, id })).outcome,
  };
}
