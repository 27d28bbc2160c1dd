import { type Stack, type StackProps, Token } from 'aws-cdk-lib';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import type * as kms from 'aws-cdk-lib/aws-kms';
import * as logs from 'aws-cdk-lib/aws-logs';
import {
  identifierCheck,
  initialDatabaseNameCheck,
  versionCheck,
} from '../constructs/validation/name-checks';
import {
  describeFault,
  optional,
  type PropCheck,
  type PropChecks,
  throwProblems,
} from '../constructs/validation/prop-checks';
import { kmsKeyCheck, subnetSelectionCheck, vpcCheck } from '../constructs/validation/resources';
import { booleanCheck, enumCheck, objectCheck } from '../constructs/validation/values';

/** Props of `DatabaseStack`. */
export interface DatabaseStackProps extends StackProps {
  /**
   * Engine of the server. `instance` is RDS for PostgreSQL, `aurora` is Aurora PostgreSQL Serverless v2.
   * @default 'instance'
   */
  readonly engine?: 'instance' | 'aurora';
  /**
   * Full version of the engine, e.g. `18.3`. A version lower than the server's has no effect: RDS may have upgraded the
   * minor version automatically.
   * @default '17.9'
   */
  readonly version?: string;
  /**
   * Whether a new major `version` may upgrade the server (`instance` only; a cluster needs just the version). The
   * server is unavailable for minutes, and only a snapshot brings the old version back. Remove this prop after the
   * upgrade.
   * @default false
   */
  readonly allowMajorVersionUpgrade?: boolean;
  /**
   * Identifier of the instance or cluster. It is always set explicitly, because the log group's name contains it.
   * Changing it replaces the server.
   * @default - the stack's name in lower case
   */
  readonly identifier?: string;
  /**
   * Name of the server's initial database. Further databases are created by the
   * schemas that set `createDatabase`.
   * @default 'app'
   */
  readonly databaseName?: string;
  /**
   * VPC of the server.
   * @default - a new one with isolated subnets in two availability zones, no NAT, and an interface endpoint for Secrets
   * Manager
   */
  readonly vpc?: ec2.IVpc;
  /**
   * Subnets of the server, in at least two availability zones.
   * @default - isolated subnets
   */
  readonly vpcSubnets?: ec2.SubnetSelection;
  /**
   * KMS key that encrypts the storage, the secret and the log.
   * @default - AWS's own keys
   */
  readonly encryptionKey?: kms.IKey;
  /**
   * Whether RDS creates the master user's secret and rotates it every week, which Blue/Green deployments do not
   * support. If `false`, CloudFormation generates a secret that does not change unless you rotate it.
   * @default true
   */
  readonly managedSecret?: boolean;
  /**
   * Whether the text of failing statements is logged. Without it the log contains only error messages, and a diagnosis
   * has less information.
   * @default true
   */
  readonly logStatements?: boolean;
  /**
   * Retention of the server's log.
   * @default - `RetentionDays.THREE_MONTHS`; `RetentionDays.ONE_WEEK` with `minimalCost`
   */
  readonly logRetention?: logs.RetentionDays;
  /**
   * Whether the RDS Data API is enabled (`aurora` only).
   * @default false
   */
  readonly dataApi?: boolean;
  /**
   * Instance class (`instance` only).
   * @default - `db.t4g.medium`; `db.t4g.micro` with `minimalCost`
   */
  readonly instanceType?: ec2.InstanceType;
  /**
   * Maximum number of Aurora capacity units (`aurora` only), from 1 to 256 in steps of 0.5.
   * @default - 4; 1 with `minimalCost`
   */
  readonly maxCapacity?: number;
  /**
   * Whether to create a disposable server for a test at minimal cost: one availability zone, the smallest size (Aurora
   * pauses when idle), one day of backups and no deletion protection. Deleting the stack deletes everything, including the data.
   * @default false
   */
  readonly minimalCost?: boolean;
}

const RETENTIONS: readonly unknown[] = Object.values(logs.RetentionDays);
const logRetentionCheck: PropCheck = (value, name) =>
  RETENTIONS.includes(value) || (typeof value === 'number' && Token.isUnresolved(value))
    ? undefined
    : describeFault(name, value, 'must be one of RetentionDays of aws-logs');

/**
 * Capacity comes in steps of 0.5:
 * https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-serverless-v2.how-it-works.html
 */
const capacityCheck: PropCheck = (value, name) =>
  typeof value === 'number' &&
  (Token.isUnresolved(value) || (Number.isInteger(value * 2) && value >= 1 && value <= 256))
    ? undefined
    : describeFault(name, value, 'must be 1 to 256 Aurora capacity units, in steps of 0.5');

const instanceTypeObjectCheck = objectCheck<ec2.InstanceType>(
  'must be an InstanceType of aws-ec2',
  'sameInstanceClassAs',
);
const instanceTypeCheck: PropCheck = (value, name) =>
  instanceTypeObjectCheck(value, name) ??
  (/^[a-z0-9-]+\.[a-z0-9-]+$/.test(String(value)) || Token.isUnresolved(String(value))
    ? undefined
    : describeFault(name, String(value), 'must be of the form t4g.medium, without `db.`, which CDK adds'));

export const DATABASE_STACK_CHECKS: PropChecks<Omit<DatabaseStackProps, keyof StackProps>> = {
  engine: optional(enumCheck('instance', 'aurora')),
  version: optional(versionCheck),
  allowMajorVersionUpgrade: optional(booleanCheck),
  identifier: optional(identifierCheck),
  databaseName: optional(initialDatabaseNameCheck),
  vpc: optional(vpcCheck),
  vpcSubnets: optional(subnetSelectionCheck),
  encryptionKey: optional(kmsKeyCheck),
  managedSecret: optional(booleanCheck),
  logStatements: optional(booleanCheck),
  logRetention: optional(logRetentionCheck),
  dataApi: optional(booleanCheck),
  instanceType: optional(instanceTypeCheck),
  maxCapacity: optional(capacityCheck),
  minimalCost: optional(booleanCheck),
};

/** Props that only one of the engines supports; with the other they would have no effect. */
const ENGINE_BY_PROP = {
  dataApi: 'aurora',
  maxCapacity: 'aurora',
  instanceType: 'instance',
  allowMajorVersionUpgrade: 'instance',
} as const satisfies Partial<Record<keyof DatabaseStackProps, DatabaseStackProps['engine']>>;

/** Refuses props that the engine does not support. @throws {Error} with the place and the property */
export function checkEngine(stack: Stack, props: DatabaseStackProps): void {
  const { engine = 'instance' } = props;
  for (const [name, needed] of Object.entries(ENGINE_BY_PROP)) {
    const value = props[name as keyof typeof ENGINE_BY_PROP];
    if (value === undefined || value === false || engine === needed) continue;
    throwProblems(stack, `${name} needs engine: '${needed}', and engine is '${engine}'`);
  }
}
