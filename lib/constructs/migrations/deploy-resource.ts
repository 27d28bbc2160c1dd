/** The custom resource's properties, made in this one place, within their limit. Pure, but for tokens that pass through. */
import type { DeployProperties } from '../../../lambda/contract/custom-resource';
import { entryOf, type Manifest, type Migration, sha256 } from '../../../lambda/contract/manifest';

const NAMES_MAX = 20;
/**
 * The framework repeats an event's properties in its own error texts, and CloudFormation takes 4096 bytes of those. What
 * is not known at synth (endpoints, ARNs) becomes a little longer than its token.
 */
const BYTES_MAX = 4096 - 512;

/**
 * The newest migrations, oldest first, each with the beginning of a digest: so `cdk diff` names the file that was added
 * or changed. At least half of the places are for versioned ones.
 */
export function newestMigrations(manifest: Manifest): string[] {
  const versioned = manifest.migrations.filter((each) => each.kind === 'versioned');
  const repeatable = manifest.migrations.filter((each) => each.kind === 'repeatable');
  const newest = versioned.slice(-Math.max(NAMES_MAX / 2, NAMES_MAX - repeatable.length));
  return [...newest, ...repeatable.slice(0, NAMES_MAX - newest.length)].map(label);
}

const label = (migration: Migration): string =>
  `${migration.name} ${sha256(JSON.stringify(entryOf(migration))).slice(0, 8)}`;

/** What a construct says of its schema. */
export interface SchemaDescription {
  readonly manifest: Manifest;
  readonly target: string;
  readonly login: string;
  readonly namespace: string;
  readonly ownerRole?: string;
  readonly adopt?: boolean;
  readonly baseline?: string;
  readonly undoAfterSuccess?: boolean;
  readonly runId?: string;
  readonly owner?: string;
  readonly beside?: readonly string[];
  /** Of a fleet: hash of its plan. */
  readonly fleet?: string;
}

/**
 * @param size bytes of the properties, as far as they are known at synth. @default - as JSON
 * @throws {Error} when they are too long
 */
export function deployProperties(
  schema: SchemaDescription,
  size: (properties: DeployProperties) => number = (each) => Buffer.byteLength(JSON.stringify(each)),
): DeployProperties {
  const { beside = [], manifest, owner } = schema;
  const all: DeployProperties = {
    ManifestHash: manifest.hash,
    Migrations: newestMigrations(manifest),
    Target: schema.target,
    Login: schema.login,
    Namespace: schema.namespace,
    OwnerRole: schema.ownerRole ?? '',
    Adopt: String(schema.adopt ?? false),
    Baseline: schema.baseline ?? '',
    UndoAfterSuccess: String(schema.undoAfterSuccess ?? false),
    RunId: schema.runId ?? '',
    ...(manifest.workload === undefined ? {} : { Workload: manifest.workload.hash }),
    ...(owner === undefined ? {} : { Owner: owner }),
    ...(beside.length === 0 ? {} : { Beside: [...beside].sort() }),
    ...(schema.fleet === undefined ? {} : { Fleet: schema.fleet }),
  };
  return fitProperties(all, size);
}

/**
 * Leaves out the oldest names where they do not fit.
 * @param size bytes of the properties, as far as they are known at synth
 * @throws {Error} when the other properties alone are too long
 */
export function fitProperties(
  properties: DeployProperties,
  size: (properties: DeployProperties) => number,
): DeployProperties {
  for (let first = 0; first <= properties.Migrations.length; first++) {
    const fitting = { ...properties, Migrations: properties.Migrations.slice(first) };
    if (size(fitting) <= BYTES_MAX) return fitting;
  }
  const bare = size({ ...properties, Migrations: [] });
  throw new Error(
    `The custom resource's properties take ${bare} bytes without any migration's name; ${BYTES_MAX} is the limit. ` +
      'Shorten runId, owner, baseline or namespace.',
  );
}
