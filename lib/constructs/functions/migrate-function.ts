import { readFileSync } from 'node:fs';
import { type Duration, Tokenization } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import type { ILogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct, type IDependable } from 'constructs';
import { FLEET_FILE, type FleetFile } from '../../../lambda/contract/fleet';
import type { Manifest } from '../../../lambda/contract/manifest';
import { MIGRATE_MEMORY_MB } from '../../../lambda/fleet/arithmetic';
import {
  AMAZON_ROOTS_FILE,
  MANIFEST_FILE,
  type MigrateVariables,
  migrateEnvironment,
  ROOTS_FILE,
  RUNTIME_ROOTS,
} from '../../../lambda/migrate/settings';
import AMAZON_ROOTS from '../../../lambda/postgres/amazon-roots.json';
import { type NetworkPath, openNetworkPath } from '../database/network';
import type { SchemaDatabase } from '../database/schema-database';
import { handlerCode } from './handler-code';
import {
  allowConnect,
  allowDataApi,
  allowNetworkInterfaces,
  allowSecret,
  allowTenantSecrets,
  type TenantSecrets,
} from './migrate-permissions';
import { executionRole } from './roles';

export interface MigrateFunctionProps {
  readonly database: SchemaDatabase;
  readonly manifest: Manifest;
  readonly namespace: string;
  readonly ownerRole: string | undefined;
  readonly workloadDays: number | undefined;
  readonly timeout: Duration;
  readonly logGroup: ILogGroup;
  /** What the function of a fleet's server knows of its fleet. @default - it is part of none */
  readonly fleet?: FleetFile;
  /** Secrets that tenants of a fleet may have. @default - none have one */
  readonly tenantSecrets?: TenantSecrets;
}

export interface AskFunctionProps extends MigrateFunctionProps {
  /** Whose network path to the database it shares. */
  readonly migrate: MigrateFunction;
  readonly reservedConcurrency: number | undefined;
  /** Of a fleet's scheduled check. @default - it has none */
  readonly checksADay?: number;
}

/**
 * The function that speaks to the database, and to nothing else but Secrets Manager. For `pg` it lives in the
 * database's VPC; for the Data API it needs none.
 *
 * There are two of one asset, since IAM knows functions and not what they are asked: one that changes the database, and
 * one that answers questions and cannot. Two functions and not two aliases, whose published versions would keep their
 * network interfaces.
 */
export class MigrateFunction extends Construct implements ec2.IConnectable {
  readonly function: lambda.Function;
  readonly connections: ec2.Connections;
  /** What must be there before the function can do its work. */
  readonly dependencies: readonly IDependable[];
  private readonly networkPath: NetworkPath | undefined;

  constructor(scope: Construct, id: string, props: MigrateFunctionProps | AskFunctionProps) {
    super(scope, id);
    const { database, manifest } = props;
    const { access } = database;
    const asksOnly = 'migrate' in props;
    const secret = asksOnly ? database.loginSecret : database.secret;
    const role = executionRole(this, 'Role', props.logGroup);
    if (secret) allowSecret(role, secret);
    if (props.tenantSecrets) allowTenantSecrets(role, props.tenantSecrets);

    const readsSecret = database.secret !== undefined || props.tenantSecrets !== undefined;
    this.networkPath = asksOnly ? props.migrate.networkPath : networkPathTo(this, database, readsSecret);
    const { networkPath: way } = this;
    const roots = access.transport === 'pg' ? access.trustedRoots : undefined;
    const amazonRoots = access.transport === 'pg' && roots === undefined;
    allowNetworkInterfaces(this, role);
    if (access.transport === 'data-api') allowDataApi(role, access.clusterArn);
    else if (access.login.auth === 'iam') allowConnect(role, access.login.resourceId, access.login.user);

    this.function = new lambda.Function(this, 'Function', {
      description: asksOnly
        ? `Trueup: answers questions about the schema ${props.namespace}, read only`
        : `Trueup: brings the schema ${props.namespace} to what its migrations say`,
      runtime: lambda.Runtime.NODEJS_24_X,
      architecture: lambda.Architecture.ARM_64,
      handler: 'index.handler',
      code: handlerCode('migrate', {
        [MANIFEST_FILE]: JSON.stringify(manifest),
        ...(roots === undefined ? {} : { [ROOTS_FILE]: readFileSync(roots, 'utf8') }),
        ...(amazonRoots ? { [AMAZON_ROOTS_FILE]: JSON.stringify(AMAZON_ROOTS) } : {}),
        ...(props.fleet === undefined ? {} : { [FLEET_FILE]: JSON.stringify(props.fleet) }),
      }),
      memorySize: MIGRATE_MEMORY_MB,
      timeout: props.timeout,
      role,
      logGroup: props.logGroup,
      environment: {
        NODE_OPTIONS: '--enable-source-maps',
        ...(roots === undefined ? { NODE_EXTRA_CA_CERTS: RUNTIME_ROOTS } : {}),
        ...migrateEnvironment({
          namespace: props.namespace,
          ownerRole: props.ownerRole,
          database: database.databaseName,
          ...(asksOnly
            ? {
                asksOnly: 'true',
                // A fleet's check has a function of its own.
                ...(props.fleet === undefined ? { metricsOf: props.migrate.function.functionName } : {}),
                checksADay: props.checksADay?.toString(),
              }
            : {
                adminSecretArn: database.admin?.secretArn,
                workloadDays: props.workloadDays?.toString(),
                createDatabase: database.createDatabase ? 'true' : undefined,
              }),
          fleetFile: props.fleet === undefined ? undefined : FLEET_FILE,
          rootsFile: roots === undefined ? undefined : ROOTS_FILE,
          amazonRootsFile: amazonRoots ? AMAZON_ROOTS_FILE : undefined,
          ...accessVariables(database),
        }),
      },
      ...(asksOnly && props.reservedConcurrency !== undefined
        ? { reservedConcurrentExecutions: props.reservedConcurrency }
        : {}),
      ...(access.transport === 'pg' && way
        ? {
            vpc: access.vpc,
            vpcSubnets: access.vpcSubnets,
            securityGroups: [way.securityGroup],
            // It has no way to the internet there, and needs none: what network.ts says of secrets holds there too.
            allowPublicSubnet: true,
          }
        : {}),
    });
    this.connections = new ec2.Connections({ securityGroups: way ? [way.securityGroup] : [] });
    this.dependencies = [...(way?.dependencies ?? []), ...database.dependencies];
  }
}

const networkPathTo = (
  scope: Construct,
  { access }: SchemaDatabase,
  readsSecret: boolean,
): NetworkPath | undefined =>
  access.transport === 'pg' ? openNetworkPath(scope, access, readsSecret) : undefined;

function accessVariables({ access }: SchemaDatabase): MigrateVariables {
  if (access.transport === 'data-api') {
    return { transport: 'data-api', clusterArn: access.clusterArn, secretArn: access.secret.secretArn };
  }
  const { login } = access;
  return {
    transport: 'pg',
    host: access.host,
    port: Tokenization.stringifyNumber(access.port),
    auth: login.auth,
    ...(login.auth === 'iam' ? { user: login.user } : { secretArn: login.secret.secretArn }),
  };
}
