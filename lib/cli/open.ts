/** From options to {@link Operations}. */
import type { Progress } from '../../lambda/engine/request';
import { connectionTarget } from './connection';
import { compile, namespaceOf } from './folder';
import { type LocalOperations, localOperations } from './local';
import type { DatabaseOptions, OwnerOption } from './options';

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
