/**
 * The interface between the construct and `deploy`: the custom resource's properties (in), its attributes (out), and
 * the function's environment. CloudFormation turns every scalar into a string, and passes the properties of an
 * *older* or *newer* version back as OldResourceProperties. So the names and meanings here never change; new ones may
 * be added.
 */

/** The properties as they appear in the template. A change of any of them triggers a run. */
export interface DeployProperties {
  /** Hash of the manifest in the `migrate` function's asset. */
  readonly ManifestHash: string;
  /** Names of the newest migrations, for readers of `cdk diff`; the handler does not use them. */
  readonly Migrations: readonly string[];
  /** The database: `pg:<host>:<port>/<database>` or `data-api:<cluster ARN>/<database>`. */
  readonly Target: string;
  /** The login: `secret:<ARN>` or `iam:<user>`. */
  readonly Login: string;
  readonly Namespace: string;
  /** The owner role; empty for the login role. */
  readonly OwnerRole: string;
  /** `true` or `false`. */
  readonly Adopt: string;
  /** The name of the last migration of the baseline; empty for none. */
  readonly Baseline: string;
  /** `true` or `false`. */
  readonly RollbackAfterSuccess: string;
  /** Any text; a different one forces a run. */
  readonly ForceRunToken: string;
  /**
   * The name under which the ledger records a nested stack as the owner. CloudFormation's own name ends with an id that
   * changes when a failed first deployment is repeated. Absent elsewhere, because the name in the ARN of any other stack does not
   * change.
   */
  readonly Owner?: string;
  /**
   * Hash of the guaranteed workload in the `migrate` function's asset. A new workload file is therefore an update,
   * and code with another workload does not carry it out. Absent if there is none.
   */
  readonly Workload?: string;
  /**
   * `true` if the code in the asset removes the guaranteed workload, so that the removal is an update of the
   * resource. Absent otherwise.
   */
  readonly RemoveWorkload?: 'true';
  /**
   * The namespaces of the stack's other resources of this type in the same database. They distinguish a second
   * namespace from a renamed one. Absent if there are none.
   */
  readonly OtherNamespaces?: readonly string[];
  /** For a fleet, the hash of its plan, so that a changed list, server or wave is an update of the resource. */
  readonly Fleet?: string;
}

/** The custom resource's type in the template. */
export const DEPLOY_RESOURCE_TYPE = 'Custom::TrueupSchema';

/** The custom resource's properties, parsed. */
export interface DeployRequest {
  readonly manifestHash: string;
  readonly target: string;
  readonly namespace: string;
  readonly ownerRole: string | null;
  readonly adopt: boolean;
  readonly baseline: string | null;
  readonly rollbackAfterSuccess: boolean;
  /** The owner's stack name; `null` for the name in the stack's ARN. */
  readonly owner: string | null;
  readonly otherNamespaces: readonly string[];
  /** Hash of the guaranteed workload; `null` for none. */
  readonly workload: string | null;
}

/** Parses the properties. @throws {Error} naming the missing property */
export function readProperties(properties: Readonly<Record<string, unknown>>): DeployRequest {
  const text = (name: keyof DeployProperties): string => {
    const value = properties[name];
    if (typeof value === 'string') return value;
    throw new Error(
      `The custom resource has no property ${name}; deploy it with the construct that sets it.`,
    );
  };
  const required = (name: keyof DeployProperties): string => {
    const value = text(name);
    if (value !== '') return value;
    throw new Error(`The custom resource's property ${name} is empty.`);
  };
  return {
    manifestHash: required('ManifestHash'),
    target: required('Target'),
    namespace: required('Namespace'),
    ownerRole: text('OwnerRole') || null,
    adopt: text('Adopt') === 'true',
    baseline: text('Baseline') || null,
    rollbackAfterSuccess: text('RollbackAfterSuccess') === 'true',
    owner: properties.Owner === undefined ? null : text('Owner') || null,
    otherNamespaces: Array.isArray(properties.OtherNamespaces) ? properties.OtherNamespaces.map(String) : [],
    workload: properties.Workload === undefined ? null : text('Workload') || null,
  };
}

/**
 * Reads the properties that another version of the construct wrote: manifest hash, target and namespace, or `null` if
 * one of them is missing. Never throws, since a rollback must not fail on properties that this code does not know.
 */
export function readOldProperties(
  properties: Readonly<Record<string, unknown>> | undefined,
): Pick<DeployRequest, 'manifestHash' | 'target' | 'namespace'> | null {
  const { ManifestHash, Target, Namespace } = properties ?? {};
  if (typeof ManifestHash !== 'string' || typeof Target !== 'string' || typeof Namespace !== 'string')
    return null;
  return { manifestHash: ManifestHash, target: Target, namespace: Namespace };
}

/**
 * Returns the physical id in the response to Create. Update and Delete respond with the id of their event, whatever
 * it is: a different one would be a replacement, and CloudFormation would send a Delete for the old one.
 */
export const buildPhysicalResourceId = (namespace: string): string => `trueup:${namespace}`;

/**
 * Attributes of the custom resource (`Fn::GetAtt`). Each successful response must contain every one, since
 * CloudFormation fails a stack that refers to a missing one. Lists are joined with `, ` and shortened to keep the
 * whole response under 4096 bytes; an empty list is `none`.
 */
export const DEPLOY_ATTRIBUTES = {
  /** The newest applied versioned migration. */
  position: 'Position',
  applied: 'Applied',
  undone: 'Undone',
  kept: 'Kept',
  /**
   * Warnings for a person after a success: a missing file, a migration out of order, an operation that was not waited
   * for.
   */
  warnings: 'Warnings',
} as const;
export type DeployAttributes = {
  readonly [K in (typeof DEPLOY_ATTRIBUTES)[keyof typeof DEPLOY_ATTRIBUTES]]: string;
};

const VARIABLE_NAMES = {
  migrateFunction: 'TRUEUP_MIGRATE_FUNCTION',
  sliceMs: 'TRUEUP_SLICE_MS',
  timeoutMs: 'TRUEUP_TIMEOUT_MS',
  rollbackWaitMs: 'TRUEUP_ROLLBACK_WAIT_MS',
  answerTimeoutMs: 'TRUEUP_ANSWER_TIMEOUT_MS',
  queryIntervalMs: 'TRUEUP_QUERY_INTERVAL_MS',
  logGroup: 'TRUEUP_LOG_GROUP',
} as const;

export interface DeploySettings {
  /** Name of the `migrate` function. */
  readonly migrateFunction: string;
  /** `budgetMs` of one slice; the timeout of `migrate` is longer. */
  readonly sliceMs: number;
  /**
   * The time from the first event of a request until the response, which is FAILED (or, in a rollback, a report), in
   * milliseconds.
   */
  readonly timeoutMs: number;
  /**
   * How long to wait for a database that cannot be reached, in milliseconds. After that a deployment responds with
   * FAILED, and a rollback or Delete with a report.
   */
  readonly rollbackWaitMs: number;
  /**
   * How long to wait for one invocation of `migrate`, in milliseconds; longer than its timeout.
   * @default - `sliceMs` + 60,000
   */
  readonly answerTimeoutMs?: number;
  /** Time between two polls of the framework, in milliseconds. @default - 5,000 */
  readonly queryIntervalMs?: number;
  /** The log group of the functions, to be named in a failure reason. @default - none is named */
  readonly logGroup?: string;
}

/** The settings that every request needs, whatever it invokes. */
export type PollSettings = Omit<DeploySettings, 'migrateFunction'>;

/** Returns the environment variable that `isComplete` needs in addition to {@link PollSettings}. */
export const buildMigrateEnvironment = (name: string): Record<string, string> => ({
  [VARIABLE_NAMES.migrateFunction]: name,
});

export function buildDeployEnvironment(
  settings: PollSettings & Partial<DeploySettings>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(VARIABLE_NAMES)
      .map(([key, name]) => [name, settings[key as keyof DeploySettings]])
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [name, String(value)]),
  );
}

const requireVariable =
  (env: NodeJS.ProcessEnv) =>
  (key: keyof DeploySettings): string => {
    const value = env[VARIABLE_NAMES[key]];
    if (value) return value;
    throw new Error(`The environment variable ${VARIABLE_NAMES[key]} is not set.`);
  };

/** Reads the settings. @throws {Error} naming the variable that is missing or wrong */
export const readDeploySettings = (env: NodeJS.ProcessEnv): Required<DeploySettings> => ({
  migrateFunction: requireVariable(env)('migrateFunction'),
  ...readPollSettings(env),
});

/** Reads the settings. @throws {Error} naming the variable that is missing or wrong */
export function readPollSettings(env: NodeJS.ProcessEnv): Required<PollSettings> {
  const text = requireVariable(env);
  const milliseconds = (key: keyof DeploySettings): number => {
    const value = Number(text(key));
    if (Number.isFinite(value) && value > 0) return value;
    throw new Error(`The environment variable ${VARIABLE_NAMES[key]} is not a number of milliseconds.`);
  };
  const sliceMs = milliseconds('sliceMs');
  return {
    sliceMs,
    timeoutMs: milliseconds('timeoutMs'),
    rollbackWaitMs: milliseconds('rollbackWaitMs'),
    answerTimeoutMs: env[VARIABLE_NAMES.answerTimeoutMs] ? milliseconds('answerTimeoutMs') : sliceMs + 60_000,
    queryIntervalMs: env[VARIABLE_NAMES.queryIntervalMs] ? milliseconds('queryIntervalMs') : 5_000,
    logGroup: readLogGroupName(env),
  };
}

/** Returns the log group; empty if none is set. */
export const readLogGroupName = (env: NodeJS.ProcessEnv): string => env[VARIABLE_NAMES.logGroup] ?? '';
