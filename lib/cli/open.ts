/** From options to {@link Operations}. */
import type { Progress } from '../../lambda/engine/request';
import { connectionTarget } from './connection';
import { UsageError } from './failure';
import { compile, namespaceOf } from './folder';
import { type LocalOperations, localOperations } from './local';
import type { Operations } from './operations';
import type { DatabaseOptions, OwnerOption, StackOption } from './options';
import { remoteOperations } from './remote';

/** With `--stack` the deployed function does it, with the migrations that it was deployed with. */
export async function open(
  folder: string,
  options: DatabaseOptions & OwnerOption & StackOption,
  progress?: Progress,
): Promise<Operations> {
  const { stack, databaseUrl, namespace, ownerRole } = options;
  if (stack === undefined) return openLocal(folder, options, progress);
  if (databaseUrl !== undefined || ownerRole !== undefined) {
    throw new UsageError(
      '--stack goes neither with --database-url nor with --owner-role',
      'The deployed function knows its database and its owner role.',
    );
  }
  return remoteOperations({ stackName: stack, namespace });
}

export async function openLocal(
  folder: string,
  options: DatabaseOptions & OwnerOption,
  progress?: Progress,
): Promise<LocalOperations> {
  // A wrong setting is said before the files are read.
  const target = connectionTarget(options);
  const manifest = await compile(folder);
  return localOperations({
    target,
    manifest,
    namespace: namespaceOf(folder, options.namespace),
    ownerRole: options.ownerRole,
    progress,
  });
}
