import { readFileSync } from 'node:fs';
import { type Duration, Tokenization } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import type { ILogGroup } from 'aws-cdk-lib/aws-logs';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct, type IDependable } from 'constructs';
import { FLEET_FILE, type FleetFile } from '../../../lambda/contract/fleet';
import type { Manifest } from '../../../lambda/contract/manifest';
import { MIGRATE_MEMORY_MB } from '../../../lambda/fleet/arithmetic';
import {
  AMAZON_ROOTS_FILE,
  buildMigrateVariables,
  MANIFEST_FILE,
  type MigrateVariables,
  ROOTS_FILE,
  RUNTIME_ROOTS,
} from '../../../lambda/migrate/migrate-settings';
import AMAZON_ROOTS from '../../../lambda/postgres/amazon-roots.json';
import { type NetworkPath, openNetworkPath } from '../database/network';
import type { SchemaDatabase } from '../database/schema-database';
import { createExecutionRole } from './execution-role';
import { createHandlerCode } from './handler-code';
import {
  allowConnect,
  allowDataApi,
  allowNetworkInterfaces,
  allowSecret,
  allowTenantSecrets,
  type TenantSecrets,
} from './migrate-permissions';

export interface MigrateFunctionProps {
  readonly database: SchemaDatabase;
  readonly manifest: Manifest;
  readonly namespace: string;
  readonly ownerRole: string | undefined;
  readonly workloadDays: number | undefined;
  readonly timeout: Duration;
  readonly logGroup: ILogGroup;
  /** Configuration of the server in its fleet. @default - the function does not belong to a fleet */
  readonly fleet?: FleetFile;
  /** Secret of Trueup's dedicated login, if that uses no token. @default - none */
  readonly loginSecret?: ISecret;
  /** Secrets that the tenants of a fleet may name. @default - none */
  readonly tenantSecrets?: TenantSecrets;
}

export interface QueryFunctionProps extends MigrateFunctionProps {
  /** Function whose network path to the database is shared. */
  readonly migrate: MigrateFunction;
  readonly reservedConcurrency: number | undefined;
  /** Number of runs per day of a fleet's scheduled check. @default - the function runs no such check */
  readonly checksADay?: number;
}

/**
 * A function that connects to the database and to nothing else except Secrets Manager. For `pg` it runs in the
 * database's VPC; for the Data API it needs none.
 *
 * The same code is deployed twice, because IAM controls who invokes a function, but not with which request: one
 * function changes the database, and the other only answers read-only requests. They are two functions and not two
 * aliases, because the published versions behind aliases would keep their network interfaces.
 */
export class MigrateFunction extends Construct implements ec2.IConnectable {
  readonly function: lambda.Function;
  readonly connections: ec2.Connections;
  /** Resources that must exist before the function can do its work. */
  readonly dependencies: readonly IDependable[];
  private readonly networkPath: NetworkPath | undefined;

  constructor(scope: Construct, id: string, props: MigrateFunctionProps | QueryFunctionProps) {
    super(scope, id);
    const { database, manifest } = props;
    const { _access: access } = database;
    const queryOnly = 'migrate' in props;
    const secret = queryOnly ? (database._loginSecret ?? database._keptSecret) : database.secret;
    const role = createExecutionRole(this, 'Role', props.logGroup);
    if (secret) allowSecret(role, secret);
    if (props.loginSecret) allowSecret(role, props.loginSecret, 'Login');
    if (props.tenantSecrets) allowTenantSecrets(role, props.tenantSecrets);

    const readsSecret = database.secret !== undefined || props.tenantSecrets !== undefined;
    this.networkPath = queryOnly ? props.migrate.networkPath : openPathIfNeeded(this, database, readsSecret);
    const { networkPath: way } = this;
    const roots = access.transport === 'pg' ? access.trustedRoots : undefined;
    const amazonRoots = access.transport === 'pg' && roots === undefined;
    allowNetworkInterfaces(this, role);
    if (access.transport === 'data-api') allowDataApi(role, access.clusterArn);
    else if (access.login.auth === 'iam') allowConnect(role, access.login.resourceId, access.login.user);

    this.function = new lambda.Function(this, 'Function', {
      description: queryOnly
        ? `Trueup: answers questions about the schema ${props.namespace}, read only`
        : `Trueup: brings the schema ${props.namespace} to what its migrations say`,
      runtime: lambda.Runtime.NODEJS_24_X,
      architecture: lambda.Architecture.ARM_64,
      handler: 'index.handler',
      code: createHandlerCode('migrate', {
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
        ...buildMigrateVariables({
          namespace: props.namespace,
          ownerRole: props.ownerRole,
          database: database.databaseName,
          ...(queryOnly
            ? {
                queryOnly: 'true',
                // A fleet's check has a separate function.
                ...(props.fleet === undefined ? { metricsOf: props.migrate.function.functionName } : {}),
                checksADay: props.checksADay?.toString(),
                adminSecretArn: database._keptSecret?.secretArn,
              }
            : {
                adminSecretArn: database._admin?.secretArn,
                workloadDays: props.workloadDays?.toString(),
                createDatabase: database.createDatabase ? 'true' : undefined,
              }),
          fleetFile: props.fleet === undefined ? undefined : FLEET_FILE,
          rootsFile: roots === undefined ? undefined : ROOTS_FILE,
          amazonRootsFile: amazonRoots ? AMAZON_ROOTS_FILE : undefined,
          ...buildAccessVariables(database, props.loginSecret),
        }),
      },
      ...(queryOnly && props.reservedConcurrency !== undefined
        ? { reservedConcurrentExecutions: props.reservedConcurrency }
        : {}),
      ...(access.transport === 'pg' && way
        ? {
            vpc: access.vpc,
            vpcSubnets: access.vpcSubnets,
            securityGroups: [way.securityGroup],
            // The function has no route to the internet there and needs none; network.ts provides the route to Secrets
            // Manager.
            allowPublicSubnet: true,
          }
        : {}),
    });
    this.connections = new ec2.Connections({ securityGroups: way ? [way.securityGroup] : [] });
    this.dependencies = [
      ...(way?.dependencies ?? []),
      ...database._dependencies,
      ...(props.loginSecret ? [props.loginSecret] : []),
    ];
  }
}

const openPathIfNeeded = (
  scope: Construct,
  { _access: access }: SchemaDatabase,
  readsSecret: boolean,
): NetworkPath | undefined =>
  access.transport === 'pg' ? openNetworkPath(scope, access, readsSecret) : undefined;

function buildAccessVariables(
  { _access: access, _own: own }: SchemaDatabase,
  loginSecret: ISecret | undefined,
): MigrateVariables {
  const login = own && { login: own.keepDeployed ? 'own-unless-deployed' : 'own', user: own.user };
  if (access.transport === 'data-api') {
    const secretArn = (loginSecret ?? access.secret)?.secretArn;
    return { transport: 'data-api', clusterArn: access.clusterArn, secretArn, ...login };
  }
  const { login: by } = access;
  return {
    transport: 'pg',
    host: access.host,
    port: Tokenization.stringifyNumber(access.port),
    auth: by.auth,
    ...(by.auth === 'iam' ? { user: by.user } : { secretArn: by.secret.secretArn }),
    ...login,
  };
}
