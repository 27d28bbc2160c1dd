/**
 * Builds the custom resource's properties, in this one place and within their size limit. Pure; tokens pass through
 * unchanged.
 */
import type { DeployProperties } from '../../../lambda/contract/custom-resource';
import { type Manifest, type Migration, sha256, toManifestEntry } from '../../../lambda/contract/manifest';

const MAX_NAMES = 20;
/**
 * Size limit of the properties. The framework repeats an event's properties in its own error messages, of which
 * CloudFormation accepts 4,096 bytes. The margin is for values that are unknown at synth (endpoints, ARNs) and become a
 * little longer than their tokens.
 */
const MAX_PROPERTIES_BYTES = 4096 - 512;

/**
 * Returns labels of the newest migrations, oldest first, each with the beginning of a digest, so that `cdk diff` names
 * the file that was added or changed. At least half of the labels are for versioned migrations, if there are that many.
 */
export function listNewestMigrations(manifest: Manifest): string[] {
  const versioned = manifest.migrations.filter((each) => each.kind === 'versioned');
  const repeatable = manifest.migrations.filter((each) => each.kind === 'repeatable');
  const newest = versioned.slice(-Math.max(MAX_NAMES / 2, MAX_NAMES - repeatable.length));
  return [...newest, ...repeatable.slice(0, MAX_NAMES - newest.length)].map(formatMigrationLabel);
}

const formatMigrationLabel = (migration: Migration): string =>
  `${migration.name} ${sha256(JSON.stringify(toManifestEntry(migration))).slice(0, 8)}`;

/** A construct's description of its schema. */
export interface SchemaDescription {
  readonly manifest: Manifest;
  readonly target: string;
  readonly login: string;
  readonly namespace: string;
  readonly ownerRole?: string;
  readonly adopt?: boolean;
  readonly baseline?: string;
  readonly rollbackAfterSuccess?: boolean;
  readonly forceRunToken?: string;
  readonly owner?: string;
  readonly beside?: readonly string[];
  /** Hash of a fleet's plan; absent for a single schema. */
  readonly fleet?: string;
}

/**
 * Builds the properties from a construct's description.
 * @param size returns the bytes of the properties, as far as they are known at synth. @default - the bytes of their
 * JSON
 * @throws {Error} if they are too long
 */
export function buildDeployProperties(
  schema: SchemaDescription,
  size: (properties: DeployProperties) => number = (each) => Buffer.byteLength(JSON.stringify(each)),
): DeployProperties {
  const { beside = [], manifest, owner } = schema;
  const all: DeployProperties = {
    ManifestHash: manifest.hash,
    Migrations: listNewestMigrations(manifest),
    Target: schema.target,
    Login: schema.login,
    Namespace: schema.namespace,
    OwnerRole: schema.ownerRole ?? '',
    Adopt: String(schema.adopt ?? false),
    Baseline: schema.baseline ?? '',
    RollbackAfterSuccess: String(schema.rollbackAfterSuccess ?? false),
    ForceRunToken: schema.forceRunToken ?? '',
    ...(manifest.workload === undefined ? {} : { Workload: manifest.workload.hash }),
    ...(manifest.removesWorkload ? { RemoveWorkload: 'true' as const } : {}),
    ...(owner === undefined ? {} : { Owner: owner }),
    ...(beside.length === 0 ? {} : { OtherNamespaces: [...beside].sort() }),
    ...(schema.fleet === undefined ? {} : { Fleet: schema.fleet }),
  };
  return fitProperties(all, size);
}

/**
 * Omits the oldest migrations' names if the properties are too long.
 * @param size returns the bytes of the properties, as far as they are known at synth
 * @throws {Error} if the properties are too long even without names
 */
export function fitProperties(
  properties: DeployProperties,
  size: (properties: DeployProperties) => number,
): DeployProperties {
  for (let first = 0; first <= properties.Migrations.length; first++) {
    const fitting = { ...properties, Migrations: properties.Migrations.slice(first) };
    if (size(fitting) <= MAX_PROPERTIES_BYTES) return fitting;
  }
  const bare = size({ ...properties, Migrations: [] });
  throw new Error(
    `The custom resource's properties take ${bare} bytes without any migration's name; ${MAX_PROPERTIES_BYTES} is the limit. ` +
      'Shorten forceRunToken, owner, baseline or ledgerName.',
  );
}
