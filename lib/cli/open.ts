/** From options to {@link Operations}. */
import type { Progress } from '../../lambda/contract/converge';
import type { WorkloadPromise } from '../../lambda/contract/workload';
import { compiledBefore } from './compile-cache';
import { connectionTarget } from './database/connection';
import { type LocalOperations, localOperations } from './database/local';
import { compile, namespaceOf } from './folder';
import type { Operations } from './operations';
import type { DatabaseOptions, OwnerOption, StackOption } from './options';
import { remoteOperations } from './remote/remote';
import { UsageError } from './terminal/failure';

/**
 * With `--stack` the deployed function does it, with the migrations that it was deployed with.
 * @param history the newest migration that was applied before Trueup was adopted, where the command says so
 */
export async function open(
  folder: string,
  options: DatabaseOptions & OwnerOption & StackOption,
  progress?: Progress,
  history?: string,
): Promise<Operations> {
  const { stack, databaseUrl, namespace, ownerRole } = options;
  if (stack === undefined) return openLocal(folder, options, progress, { history });
  if (databaseUrl !== undefined || ownerRole !== undefined) {
    throw new UsageError(
      '--stack cannot be combined with --database-url or --owner-role',
      'The deployed function knows its database and its owner role.',
    );
  }
  return remoteOperations({ stackName: stack, namespace });
}

export async function openLocal(
  folder: string,
  options: DatabaseOptions & OwnerOption,
  progress?: Progress,
  {
    history,
    workload,
    workloadDays,
  }: { readonly history?: string; readonly workload?: WorkloadPromise; readonly workloadDays?: number } = {},
): Promise<LocalOperations> {
  // A wrong setting is said before the files are read.
  const target = connectionTarget(options);
  const manifest =
    history === undefined
      ? await compiledBefore(folder, () => compile(folder))
      : await compile(folder, { history });
  return localOperations({
    target,
    manifest: workload === undefined ? manifest : { ...manifest, workload },
    namespace: namespaceOf(folder, options.namespace),
    namespaceGiven: options.namespace !== undefined,
    ownerRole: options.ownerRole,
    workloadDays,
    progress,
  });
}
