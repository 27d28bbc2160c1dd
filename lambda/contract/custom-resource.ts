/**
 * What construct and `deploy` say to each other: the custom resource's properties (in), its attributes (out), and the
 * function's environment. CloudFormation makes a string of every scalar, and hands the properties of an *older* or
 * *newer* version back as OldResourceProperties, so names and meanings here never change; new ones may be added.
 */

/** As they stand in the template. Every one of them is a reason to run again when it changes. */
export interface DeployProperties {
  /** Hash of the manifest in the `migrate` function's asset. */
  readonly ManifestHash: string;
  /** Names of the newest migrations, for whoever reads `cdk diff`; the handler does not use them. */
  readonly Migrations: readonly string[];
  /** Which database: `pg:<host>:<port>/<database>` or `data-api:<cluster ARN>/<database>`. */
  readonly Target: string;
  /** As whom: `secret:<ARN>` or `iam:<user>`. */
  readonly Login: string;
  readonly Namespace: string;
  /** Empty for the login role. */
  readonly OwnerRole: string;
  /** `true` or `false`. */
  readonly Adopt: string;
  /** Empty for none. */
  readonly Baseline: string;
  /** `true` or `false`. */
  readonly UndoAfterSuccess: string;
  /** Any text; another one forces a run. */
  readonly RunId: string;
  /**
   * In a nested stack: the stack's name for the ledger. CloudFormation's own ends with an id that is another one when a
   * failed first deployment is repeated. Absent elsewhere, where the ARN's name is the same each time.
   */
  readonly Owner?: string;
  /**
   * Hash of what the application promises, in the `migrate` function's asset: another workload file is an update, which
   * no code with another one carries out. Absent where there is none.
   */
  readonly Workload?: string;
  /**
   * The namespaces of the stack's other resources of this kind in the same database: so a renamed namespace is told from
   * a second one. Absent where there is none.
   */
  readonly Beside?: readonly string[];
  /** Of a fleet: hash of what is planned for it, so that another list, server or wave is an update. */
  readonly Fleet?: string;
}

/** The custom resource's type in the template. */
export const RESOURCE_TYPE = 'Custom::TrueupSchema';

/** The properties, read. */
export interface DeployRequest {
  readonly manifestHash: string;
  readonly target: string;
  readonly namespace: string;
  readonly ownerRole: string | null;
  readonly adopt: boolean;
  readonly baseline: string | null;
  readonly undoAfterSuccess: boolean;
  /** Null for the name in the stack's ARN. */
  readonly owner: string | null;
  readonly beside: readonly string[];
  /** Null where nothing is promised. */
  readonly workload: string | null;
}

/** @throws {Error} naming the property that is missing */
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
    undoAfterSuccess: text('UndoAfterSuccess') === 'true',
    owner: properties.Owner === undefined ? null : text('Owner') || null,
    beside: Array.isArray(properties.Beside) ? properties.Beside.map(String) : [],
    workload: properties.Workload === undefined ? null : text('Workload') || null,
  };
}

/**
 * What another version of the construct left: the manifest hash and the database it was about, or null where it does not
 * say. Never throws, for a rollback must not fail on properties that this code does not know.
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
 * The physical id that Create answers with. Update and Delete answer with the id of their event, whatever it is: another
 * one would be a replacement, and CloudFormation would send a Delete for the old.
 */
export const physicalResourceId = (namespace: string): string => `trueup:${namespace}`;

/**
 * Attributes of the custom resource (`Fn::GetAtt`). The handler must set every one in each successful answer, for
 * CloudFormation fails a stack that asks for one that is not there. Lists are joined with `, ` and cut to keep the whole
 * answer under its 4096 bytes; an empty one is `none`.
 */
export const ATTRIBUTES = {
  /** Newest applied versioned migration. */
  position: 'Position',
  applied: 'Applied',
  undone: 'Undone',
  kept: 'Kept',
  /** What a person should know of a success: a file that is gone, a late migration, what was not waited for. */
  warnings: 'Warnings',
} as const;
export type DeployAttributes = { readonly [K in (typeof ATTRIBUTES)[keyof typeof ATTRIBUTES]]: string };

const NAMES = {
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
  /** `budgetMs` of one slice; `migrate`'s own timeout is longer. */
  readonly sliceMs: number;
  /** From the first event of a request until it is answered with FAILED (or, in a rollback, with a report). */
  readonly timeoutMs: number;
  /**
   * How long a database that cannot be reached is waited for: then a deployment answers FAILED, a rollback or Delete with
   * a report.
   */
  readonly rollbackWaitMs: number;
  /** How long one invocation of `migrate` is waited for; longer than its timeout. @default - `sliceMs` + 60,000 */
  readonly answerTimeoutMs?: number;
  /** Between two polls of the framework. @default - 5,000 */
  readonly queryIntervalMs?: number;
  /** Where the functions' log is, for a reason to name. @default - none is named */
  readonly logGroup?: string;
}

/** What leads one request, whatever it works with. */
export type PollSettings = Omit<DeploySettings, 'migrateFunction'>;

/** Of `isComplete`, beside what every request needs. */
export const migrateFunctionEnvironment = (name: string): Record<string, string> => ({
  [NAMES.migrateFunction]: name,
});

export function deployEnvironment(settings: PollSettings & Partial<DeploySettings>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(NAMES)
      .map(([key, name]) => [name, settings[key as keyof DeploySettings]])
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [name, String(value)]),
  );
}

const textIn =
  (env: NodeJS.ProcessEnv) =>
  (key: keyof DeploySettings): string => {
    const value = env[NAMES[key]];
    if (value) return value;
    throw new Error(`The environment variable ${NAMES[key]} is not set.`);
  };

/** @throws {Error} naming the variable that is missing or wrong */
export const deploySettings = (env: NodeJS.ProcessEnv): Required<DeploySettings> => ({
  migrateFunction: textIn(env)('migrateFunction'),
  ...pollSettings(env),
});

/** @throws {Error} naming the variable that is missing or wrong */
export function pollSettings(env: NodeJS.ProcessEnv): Required<PollSettings> {
  const text = textIn(env);
  const milliseconds = (key: keyof DeploySettings): number => {
    const value = Number(text(key));
    if (Number.isFinite(value) && value > 0) return value;
    throw new Error(`The environment variable ${NAMES[key]} is not a number of milliseconds.`);
  };
  const sliceMs = milliseconds('sliceMs');
  return {
    sliceMs,
    timeoutMs: milliseconds('timeoutMs'),
    rollbackWaitMs: milliseconds('rollbackWaitMs'),
    answerTimeoutMs: env[NAMES.answerTimeoutMs] ? milliseconds('answerTimeoutMs') : sliceMs + 60_000,
    queryIntervalMs: env[NAMES.queryIntervalMs] ? milliseconds('queryIntervalMs') : 5_000,
    logGroup: logGroupOf(env),
  };
}

/** Empty where it is not said. */
export const logGroupOf = (env: NodeJS.ProcessEnv): string => env[NAMES.logGroup] ?? '';
