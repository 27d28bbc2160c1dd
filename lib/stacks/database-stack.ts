import {
  Annotations,
  ArnFormat,
  CfnOutput,
  Duration,
  RemovalPolicy,
  Stack,
  type StackProps,
  Token,
} from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as rds from 'aws-cdk-lib/aws-rds';
import type { Construct } from 'constructs';
import { acknowledge } from '../constructs/acknowledge';
import type { DatabaseOptions, ServerOptions } from '../constructs/database-options';
import { addSecretsManagerEndpoint } from '../constructs/network';
import { SchemaDatabase } from '../constructs/schema-database';
import {
  type Check,
  type Checks,
  checkObject,
  checkProps,
  fault,
  optional,
  refuse,
} from '../constructs/validation/check';
import { referencesIn } from '../constructs/validation/host';
import { identifier, initialDatabaseName, version } from '../constructs/validation/names';
import { key, subnetSelection, subnetsIn, vpc } from '../constructs/validation/resources';
import { flag, objectWith, oneOf } from '../constructs/validation/values';
import { databaseParameters } from './database-parameters';

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

const CHECKS: Checks<Omit<DatabaseStackProps, keyof StackProps>> = {
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

/** Offered for both engines. */
const DEFAULT_VERSION = '17.9';

/**
 * A PostgreSQL server for schemas in stacks of their own: a failed first migration then does not take the server down.
 *
 * @example
 * const server = new DatabaseStack(app, 'Server', { engine: 'aurora' });
 * const database = server.database({ databaseName: 'courses', createDatabase: true });
 */
export class DatabaseStack extends Stack {
  readonly vpc: ec2.IVpc;
  readonly instance?: rds.DatabaseInstance;
  readonly cluster?: rds.DatabaseCluster;
  /** Fixed: `/aws/rds/instance/<identifier>/postgresql` or `/aws/rds/cluster/<identifier>/postgresql`. */
  readonly logGroupName: string;
  private endpoint?: ec2.InterfaceVpcEndpoint;

  constructor(scope: Construct, id: string, props: DatabaseStackProps = {}) {
    super(scope, id, checkObject(id, props));
    checkProps(this, props, CHECKS);
    this.checkEngine(props);
    const { engine = 'instance', cheap = false } = props;
    const identifier = props.identifier ?? this.identifierOfName();
    this.vpc = props.vpc ?? this.isolatedVpc();
    this.checkSubnets(subnetsOf(props));
    this.logGroupName = `/aws/rds/${engine === 'aurora' ? 'cluster' : 'instance'}/${identifier}/postgresql`;
    const logGroup = this.logGroup(props);

    const version = props.version ?? DEFAULT_VERSION;
    const server = { ...this.common(props), version, identifier, cheap };
    if (engine === 'aurora') this.cluster = this.makeCluster(server, props);
    else this.instance = this.makeInstance(server, props);

    const made = this.cluster ?? this.instance!;
    // RDS makes the group itself, without retention and without a key, when it finds none.
    made.node.addDependency(logGroup);
    acknowledge(
      made,
      'AwsSolutions-RDS11',
      'Only security groups admit anybody; another port hides nothing.',
    );
    if (props.managedSecret === false) {
      acknowledge(
        made,
        'AwsSolutions-SMG4',
        'Chosen with managedSecret: false; rotating it takes a function with a way to RDS out of isolated subnets.',
      );
    }
    if (cheap) {
      const reason = 'cheap: a test that is thrown away.';
      for (const rule of ['RDS3', 'RDS10', 'RDS13']) acknowledge(made, `AwsSolutions-${rule}`, reason);
    }
    this.exportAlways(props.vpc === undefined);
    new CfnOutput(this, 'LogGroupName', {
      value: this.logGroupName,
      description: "Log group of the server's log",
    });
  }

  /**
   * One of the server's databases, through its endpoint.
   * @param options of the login and of the database, e.g. `{ databaseName: 'courses', createDatabase: true }`
   */
  database(options: ServerOptions = {}): SchemaDatabase {
    return this.cluster
      ? SchemaDatabase.cluster(this.cluster, options)
      : SchemaDatabase.instance(this.instance!, options);
  }

  /** One of the server's databases, through the Data API. */
  dataApi(options: DatabaseOptions = {}): SchemaDatabase {
    if (!this.cluster) refuse(this, "The Data API needs engine: 'aurora'");
    return SchemaDatabase.dataApi(this.cluster, options);
  }

  private checkEngine(props: DatabaseStackProps): void {
    const { engine = 'instance' } = props;
    for (const [name, needed] of Object.entries(ENGINE_OF)) {
      const value = props[name as keyof typeof ENGINE_OF];
      if (value === undefined || value === false || engine === needed) continue;
      refuse(this, `${name} needs engine: '${needed}', and engine is '${engine}'`);
    }
  }

  private identifierOfName(): string {
    const name = this.stackName.toLowerCase();
    const problem = identifier(name, "identifier, which is made of the stack's name,");
    return problem === undefined ? name : refuse(this, `${problem}. Give \`identifier\``);
  }

  /** RDS refuses a subnet group in one zone. */
  private checkSubnets(selection: ec2.SubnetSelection): void {
    const problem = subnetsIn(this.vpc)(selection, 'vpcSubnets');
    if (problem !== undefined) refuse(this, problem);
    const zones = zonesOf(this.vpc.selectSubnets(selection));
    if (zones === undefined || zones.size > 1) return;
    refuse(
      this,
      `vpcSubnets selects subnets in one availability zone (${[...zones].join()}); it must be two at least`,
    );
  }

  /**
   * Whatever a schema's stack may import, whether one does or not: this stack is deployed before them, and an export that
   * it drops because a schema logs in otherwise from now on would still be in use.
   */
  private exportAlways(ownVpc: boolean): void {
    const { cluster, instance, vpc } = this;
    const made = cluster ?? instance!;
    const endpoint = cluster?.clusterEndpoint ?? instance!.instanceEndpoint;
    const values = [
      endpoint.hostname,
      endpoint.port,
      ...made.connections.securityGroups.map((group) => group.securityGroupId),
      made.secret?.secretArn,
      cluster ? cluster.clusterResourceIdentifier : instance!.instanceResourceId,
      cluster?.clusterArn,
      ...(ownVpc ? [vpc.vpcId, ...vpc.isolatedSubnets.map((subnet) => subnet.subnetId)] : []),
      ...(this.endpoint?.connections.securityGroups.map((group) => group.securityGroupId) ?? []),
    ];
    for (const reference of values.flatMap(referencesIn)) this.exportValue(reference);
  }

  private common(props: DatabaseStackProps) {
    const { cheap = false, encryptionKey, managedSecret = true } = props;
    return {
      vpc: this.vpc,
      vpcSubnets: subnetsOf(props),
      securityGroups: [
        new ec2.SecurityGroup(this, 'SecurityGroup', {
          vpc: this.vpc,
          description: `PostgreSQL ${this.stackName}`,
          allowAllOutbound: false,
        }),
      ],
      credentials: managedSecret
        ? rds.Credentials.fromUsername('postgres', { encryptionKey })
        : rds.Credentials.fromGeneratedSecret('postgres', { encryptionKey }),
      manageMasterUserPassword: managedSecret || undefined,
      iamAuthentication: true,
      storageEncrypted: true,
      storageEncryptionKey: encryptionKey,
      cloudwatchLogsExports: ['postgresql'],
      copyTagsToSnapshot: true,
      autoMinorVersionUpgrade: true,
      deletionProtection: !cheap,
      deleteAutomatedBackups: cheap,
      // A snapshot also when CloudFormation replaces the server.
      removalPolicy: cheap ? RemovalPolicy.DESTROY : RemovalPolicy.SNAPSHOT,
    };
  }

  private makeInstance(
    { version, identifier, cheap, ...common }: Server,
    props: DatabaseStackProps,
  ): rds.DatabaseInstance {
    const engine = rds.DatabaseInstanceEngine.postgres({
      version: rds.PostgresEngineVersion.of(version, majorOf(version)),
    });
    return new rds.DatabaseInstance(this, 'Instance', {
      ...common,
      engine,
      instanceIdentifier: identifier,
      allowMajorVersionUpgrade: props.allowMajorVersionUpgrade,
      databaseName: props.databaseName ?? 'app',
      instanceType:
        props.instanceType ??
        ec2.InstanceType.of(ec2.InstanceClass.T4G, cheap ? ec2.InstanceSize.MICRO : ec2.InstanceSize.MEDIUM),
      multiAz: !cheap,
      storageType: rds.StorageType.GP3,
      allocatedStorage: 20,
      maxAllocatedStorage: cheap ? undefined : 500,
      backupRetention: Duration.days(cheap ? 1 : 14),
      parameterGroup: this.parameterGroup(engine, version, props),
    });
  }

  private makeCluster(
    { version, identifier, cheap, autoMinorVersionUpgrade, ...common }: Server,
    props: DatabaseStackProps,
  ): rds.DatabaseCluster {
    const engine = rds.DatabaseClusterEngine.auroraPostgres({
      version: rds.AuroraPostgresEngineVersion.of(version, majorOf(version)),
    });
    return new rds.DatabaseCluster(this, 'Cluster', {
      ...common,
      engine,
      clusterIdentifier: identifier,
      defaultDatabaseName: props.databaseName ?? 'app',
      writer: rds.ClusterInstance.serverlessV2('Writer', { autoMinorVersionUpgrade }),
      readers: cheap
        ? []
        : [rds.ClusterInstance.serverlessV2('Reader', { autoMinorVersionUpgrade, scaleWithWriter: true })],
      // With 0 it pauses when idle, and the first connection waits some seconds.
      serverlessV2MinCapacity: cheap ? 0 : 0.5,
      serverlessV2MaxCapacity: props.maxCapacity ?? (cheap ? 1 : 4),
      enableDataApi: props.dataApi ?? false,
      backup: { retention: Duration.days(cheap ? 1 : 14) },
      // The cluster's group holds the defaults of its instances' groups too.
      parameterGroup: this.parameterGroup(engine, version, props),
    });
  }

  private parameterGroup(
    engine: rds.IEngine,
    version: string,
    props: DatabaseStackProps,
  ): rds.ParameterGroup {
    return new rds.ParameterGroup(this, 'Parameters', {
      engine,
      description: `TLS only, errors without rows: ${this.stackName}`,
      parameters: databaseParameters({
        majorVersion: Number(majorOf(version)),
        logStatements: props.logStatements ?? true,
      }),
    });
  }

  private logGroup(props: DatabaseStackProps): logs.LogGroup {
    const { cheap = false, encryptionKey } = props;
    if (encryptionKey) allowLogs(encryptionKey, this, this.logGroupName);
    return new logs.LogGroup(this, 'Log', {
      logGroupName: this.logGroupName,
      retention:
        props.logRetention ?? (cheap ? logs.RetentionDays.ONE_WEEK : logs.RetentionDays.THREE_MONTHS),
      encryptionKey,
      // Kept with the data, but not after a first deployment that failed: it would be in the way of the next one.
      removalPolicy: cheap ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    });
  }

  private isolatedVpc(): ec2.Vpc {
    const vpc = new ec2.Vpc(this, 'Vpc', {
      maxAzs: 2,
      natGateways: 0,
      subnetConfiguration: [{ name: 'Isolated', subnetType: ec2.SubnetType.PRIVATE_ISOLATED, cidrMask: 24 }],
      // Nothing uses the default group, and to empty it takes another function with rights on security groups.
      restrictDefaultSecurityGroup: false,
    });
    this.endpoint = addSecretsManagerEndpoint(vpc, 'SecretsManager');
    acknowledge(
      vpc,
      'AwsSolutions-VPC7',
      'No route leads in or out; add flow logs with vpc.addFlowLog() where you keep them.',
    );
    return vpc;
  }
}

type Server = ReturnType<DatabaseStack['common']> & {
  readonly version: string;
  readonly identifier: string;
  readonly cheap: boolean;
};

const subnetsOf = ({ vpcSubnets }: DatabaseStackProps): ec2.SubnetSelection =>
  vpcSubnets ?? { subnetType: ec2.SubnetType.PRIVATE_ISOLATED };

/** Undefined where they are not known: CDK throws for a subnet that is imported by its id alone. */
function zonesOf(selected: ec2.SelectedSubnets): ReadonlySet<string> | undefined {
  try {
    return selected.isPendingLookup ? undefined : new Set(selected.availabilityZones);
  } catch {
    return undefined;
  }
}

const majorOf = (version: string): string => version.split('.')[0]!;

/** By the group's fixed name, not by reference: the key may live in another stack. */
function allowLogs(key: kms.IKey, stack: Stack, logGroupName: string): void {
  const { statementAdded } = key.addToResourcePolicy(
    new iam.PolicyStatement({
      principals: [new iam.ServicePrincipal(`logs.${stack.region}.amazonaws.com`)],
      actions: ['kms:Decrypt', 'kms:Describe*', 'kms:Encrypt', 'kms:GenerateDataKey*', 'kms:ReEncrypt*'],
      resources: ['*'],
      conditions: {
        ArnEquals: {
          'kms:EncryptionContext:aws:logs:arn': stack.formatArn({
            service: 'logs',
            resource: 'log-group',
            arnFormat: ArnFormat.COLON_RESOURCE_NAME,
            resourceName: logGroupName,
          }),
        },
      },
    }),
    true,
  );
  if (statementAdded) return;
  Annotations.of(stack).addWarningV2(
    'trueup:encryptionKey',
    'The encryptionKey is not made in this app, so its policy was left alone. It must let the service ' +
      `logs.<region>.amazonaws.com use it (kms:Encrypt, kms:Decrypt, kms:ReEncrypt*, kms:GenerateDataKey*, kms:Describe*) for ` +
      `the log group ${logGroupName}; otherwise the deployment fails when it makes the log group.`,
  );
}
