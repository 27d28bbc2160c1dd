import { type Stack, type StackProps, Token } from 'aws-cdk-lib';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import type * as kms from 'aws-cdk-lib/aws-kms';
import * as logs from 'aws-cdk-lib/aws-logs';
import { type Check, type Checks, fault, optional, refuse } from '../constructs/validation/check';
import { identifier, initialDatabaseName, version } from '../constructs/validation/names';
import { key, subnetSelection, vpc } from '../constructs/validation/resources';
import { flag, objectWith, oneOf } from '../constructs/validation/values';

export interface DatabaseStackProps extends StackProps {
  /**
   * `instance`: RDS for PostgreSQL. `aurora`: Aurora PostgreSQL, Serverless v2.
   * @default 'instance'
   */
  readonly engine?: 'instance' | 'aurora';
  /**
   * A full version, e.g. `18.3`. A smaller one than the server's, after RDS has upgraded it by itself, changes nothing.
   * @default '17.9'
   */
  readonly version?: string;
  /**
   * Let another major `version` upgrade the server (`instance` only: for a cluster the version is enough). The server is
   * away for minutes, and there is no way back but a snapshot. Take it out again afterwards.
   * @default false
   */
  readonly allowMajorVersionUpgrade?: boolean;
  /**
   * Identifier of the instance or cluster. The log group's name is made of it, so it is fixed; another one means another
   * server.
   * @default - the stack's name in lower case
   */
  readonly identifier?: string;
  /**
   * The server's initial database; more are made by the schemas that ask for them.
   * @default 'app'
   */
  readonly databaseName?: string;
  /**
   * The server's VPC.
   * @default - a new one with isolated subnets in two availability zones, no NAT, and an interface endpoint for Secrets
   * Manager
   */
  readonly vpc?: ec2.IVpc;
  /**
   * The server's subnets, two availability zones at least.
   * @default - isolated
   */
  readonly vpcSubnets?: ec2.SubnetSelection;
  /**
   * Encrypts storage, secret and log.
   * @default - AWS's own keys
   */
  readonly encryptionKey?: kms.IKey;
  /**
   * `true`: RDS makes the master user's secret and rotates it every week; Blue/Green deployments refuse that. `false`:
   * CloudFormation generates one that stays until somebody rotates it.
   * @default true
   */
  readonly managedSecret?: boolean;
  /**
   * Log the text of statements that fail. Without it the log holds error messages only, and a diagnosis sees less.
   * @default true
   */
  readonly logStatements?: boolean;
  /**
   * How long the server's log is kept.
   * @default - three months, a week when cheap
   */
  readonly logRetention?: logs.RetentionDays;
  /**
   * Switch the RDS Data API on (Aurora only).
   * @default false
   */
  readonly dataApi?: boolean;
  /**
   * Instance class (`instance` only).
   * @default - db.t4g.medium, db.t4g.micro when cheap
   */
  readonly instanceType?: ec2.InstanceType;
  /**
   * Most Aurora capacity units (`aurora` only).
   * @default - 4, 1 when cheap
   */
  readonly maxCapacity?: number;
  /**
   * For a test that is thrown away: one availability zone, the smallest size (Aurora pauses when idle), one day of
   * backups, no deletion protection, and everything goes with the stack, data too.
   * @default false
   */
  readonly cheap?: boolean;
}

const RETENTIONS: readonly unknown[] = Object.values(logs.RetentionDays);
const logRetention: Check = (value, name) =>
  RETENTIONS.includes(value) || (typeof value === 'number' && Token.isUnresolved(value))
    ? undefined
    : fault(name, value, 'must be one of RetentionDays of aws-logs');

/** In steps of a half: https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-serverless-v2.how-it-works.html */
const capacity: Check = (value, name) =>
  typeof value === 'number' &&
  (Token.isUnresolved(value) || (Number.isInteger(value * 2) && value >= 1 && value <= 256))
    ? undefined
    : fault(name, value, 'must be 1 to 256 Aurora capacity units, in steps of 0.5');

const anyInstanceType = objectWith('must be an InstanceType of aws-ec2', 'sameInstanceClassAs');
const instanceType: Check = (value, name) =>
  anyInstanceType(value, name) ??
  (/^[a-z0-9-]+\.[a-z0-9-]+$/.test(String(value)) || Token.isUnresolved(String(value))
    ? undefined
    : fault(name, String(value), 'must be of the form t4g.medium, without `db.`, which CDK adds'));

export const DATABASE_STACK: Checks<Omit<DatabaseStackProps, keyof StackProps>> = {
  engine: optional(oneOf('instance', 'aurora')),
  version: optional(version),
  allowMajorVersionUpgrade: optional(flag),
  identifier: optional(identifier),
  databaseName: optional(initialDatabaseName),
  vpc: optional(vpc),
  vpcSubnets: optional(subnetSelection),
  encryptionKey: optional(key),
  managedSecret: optional(flag),
  logStatements: optional(flag),
  logRetention: optional(logRetention),
  dataApi: optional(flag),
  instanceType: optional(instanceType),
  maxCapacity: optional(capacity),
  cheap: optional(flag),
};

/** What one of the engines has, and the other would pass over in silence. */
const ENGINE_OF = {
  dataApi: 'aurora',
  maxCapacity: 'aurora',
  instanceType: 'instance',
  allowMajorVersionUpgrade: 'instance',
} as const;

/** @throws {Error} with the place and the property */
export function checkEngine(stack: Stack, props: DatabaseStackProps): void {
  const { engine = 'instance' } = props;
  for (const [name, needed] of Object.entries(ENGINE_OF)) {
    const value = props[name as keyof typeof ENGINE_OF];
    if (value === undefined || value === false || engine === needed) continue;
    refuse(stack, `${name} needs engine: '${needed}', and engine is '${engine}'`);
  }
}
