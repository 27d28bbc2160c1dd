/** Creates {@link Operations} from options. */
import type { ProgressListener } from '../../lambda/contract/converge';
import type { GuaranteedWorkload } from '../../lambda/contract/workload';
import { compileCached } from './compile-cache';
import { resolveConnectionTarget } from './database/connection';
import { createLocalOperations, type LocalOperations, type LocalOptions } from './database/local';
import { compileMigrations, resolveNamespace } from './folder';
import type { Operations } from './operations';
import type { DatabaseOptions, OwnerOption, StackOption } from './options';
import { createRemoteOperations } from './remote/remote';
import { UsageError } from './terminal/failure';

/**
 * Opens the operations of a command. With `--stack` the deployed function executes them, with the migrations it was
 * deployed with.
 * @param history the newest migration that was applied before Trueup was adopted, if the command names it
 */
export async function openOperations(
  folder: string,
  options: DatabaseOptions & OwnerOption & StackOption,
  progress?: ProgressListener,
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
  return createRemoteOperations({ stackName: stack, namespace });
}

export async function openLocal(
  folder: string,
  options: DatabaseOptions & OwnerOption,
  progress?: ProgressListener,
  {
    history,
    workload,
    removesWorkload,
    schemas,
    tenant = schemas?.[0],
    ...guard
  }: {
    readonly history?: string;
    readonly workload?: GuaranteedWorkload;
    readonly removesWorkload?: boolean;
    /** Schemas of a tenant that has its own schema, which comes first. */
    readonly schemas?: readonly string[];
    /**
     * The schema after which the tenant's namespace is named.
     * @default - the first of `schemas`
     */
    readonly tenant?: string;
  } & Pick<LocalOptions, 'workloadDays' | 'guardTimeMs'> = {},
): Promise<LocalOperations> {
  // An invalid setting is reported before the files are read.
  const target = resolveConnectionTarget(options);
  const manifest =
    history === undefined
      ? await compileCached(folder, () => compileMigrations(folder))
      : await compileMigrations(folder, { history });
  return createLocalOperations({
    target,
    manifest: {
      ...manifest,
      ...(workload === undefined ? {} : { workload }),
      ...(removesWorkload ? { removesWorkload } : {}),
    },
    namespace: buildTenantNamespace(resolveNamespace(folder, options.namespace), tenant),
    namespaceGiven: options.namespace !== undefined,
    ownerRole: options.ownerRole,
    ...guard,
    progress,
    ...(schemas === undefined ? {} : { schemas }),
  });
}

/** Builds the namespace as a fleet does. A user who copied it from an error message may give it in full. */
const buildTenantNamespace = (namespace: string, schema: string | undefined): string =>
  schema === undefined || namespace.endsWith(`/${schema}`) ? namespace : `${namespace}/${schema}`;
