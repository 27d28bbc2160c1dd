import { CfnOutput, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as rds from 'aws-cdk-lib/aws-rds';
import type { Construct } from 'constructs';
import type { DatabaseOptions, ServerOptions } from '../constructs/database/options';
import { SchemaDatabase } from '../constructs/database/schema-database';
import { acknowledge } from '../constructs/functions/acknowledge';
import { checkObject, checkProps, refuse } from '../constructs/validation/check';
import { referencesIn } from '../constructs/validation/host';
import { identifier } from '../constructs/validation/names';
import { databaseParameters } from './database-parameters';
import { checkEngine, DATABASE_STACK, type DatabaseStackProps } from './database-stack-props';
import { serverLog } from './server-log';
import { checkSubnets, type IsolatedVpc, isolatedVpc, subnetsOf } from './server-network';

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

  constructor(scope: Construct, id: string, props: DatabaseStackProps = {}) {
    super(scope, id, checkObject(id, props));
    checkProps(this, props, DATABASE_STACK);
    checkEngine(this, props);
    const { engine = 'instance', cheap = false } = props;
    const identifier = props.identifier ?? this.identifierOfName();
    const own = props.vpc === undefined ? isolatedVpc(this) : undefined;
    this.vpc = own?.vpc ?? props.vpc!;
    checkSubnets(this, this.vpc, subnetsOf(props));
    this.logGroupName = `/aws/rds/${engine === 'aurora' ? 'cluster' : 'instance'}/${identifier}/postgresql`;
    const logGroup = serverLog(this, this.logGroupName, props);

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
    this.exportAlways(own);
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

  private identifierOfName(): string {
    const name = this.stackName.toLowerCase();
    const problem = identifier(name, "identifier, which is made of the stack's name,");
    return problem === undefined ? name : refuse(this, `${problem}. Give \`identifier\``);
  }

  /**
   * Whatever a schema's stack may import, whether one does or not: this stack is deployed before them, and an export that
   * it drops because a schema logs in otherwise from now on would still be in use.
   */
  private exportAlways(own: IsolatedVpc | undefined): void {
    const { cluster, instance } = this;
    const made = cluster ?? instance!;
    const endpoint = cluster?.clusterEndpoint ?? instance!.instanceEndpoint;
    const values = [
      endpoint.hostname,
      endpoint.port,
      ...made.connections.securityGroups.map((group) => group.securityGroupId),
      made.secret?.secretArn,
      cluster ? cluster.clusterResourceIdentifier : instance!.instanceResourceId,
      cluster?.clusterArn,
      ...(own ? [own.vpc.vpcId, ...own.vpc.isolatedSubnets.map((subnet) => subnet.subnetId)] : []),
      ...(own?.endpoint.connections.securityGroups.map((group) => group.securityGroupId) ?? []),
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
}

type Server = ReturnType<DatabaseStack['common']> & {
  readonly version: string;
  readonly identifier: string;
  readonly cheap: boolean;
};

const majorOf = (version: string): string => version.split('.')[0]!;
