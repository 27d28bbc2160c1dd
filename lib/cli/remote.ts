/** The engine in the deployed function of a stack: nobody reaches a database in isolated subnets from outside. */
import type { MigrateRequest, MigrateResponse } from '../../lambda/migrate/protocol';
import { requireMigration } from './folder';
import { type AskFunction, migrateFunction } from './migrate-function';
import type { Operations } from './operations';

export interface RemoteOptions {
  readonly stackName: string;
  /** Needed where the stack has several schemas. */
  readonly namespace?: string;
}

type Answer<A extends MigrateResponse['action']> = MigrateResponse & { readonly action: A };

/** The stack is looked at with the first question. */
export function remoteOperations({ stackName, namespace }: RemoteOptions): Operations {
  let call: AskFunction | undefined;
  const ask = async <A extends MigrateResponse['action']>(
    request: MigrateRequest & { readonly action: A },
  ): Promise<Answer<A>> => {
    call ??= await migrateFunction(stackName, namespace);
    const response = await call(request);
    if (response.action === request.action) return response as Answer<A>;
    throw new Error(`the function answered ${response.action} to ${request.action}`);
  };
  const operations: Operations = {
    label: namespace === undefined ? `stack ${stackName}` : `${namespace} of stack ${stackName}`,
    status: async () => (await ask({ action: 'status' })).status,
    plan: async () => (await ask({ action: 'plan' })).plan,
    verify: async () => (await ask({ action: 'verify' })).verification,
    baseline: async (upTo, { id }) => {
      requireMigration(await operations.status(), upTo);
      return (await ask({ action: 'baseline', upTo, id })).outcome;
    },
    down: async (name, { id }) => (await ask({ action: 'down', name, id })).outcome,
  };
  return operations;
}
