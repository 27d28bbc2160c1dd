import { CfnOutput, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as rds from 'aws-cdk-lib/aws-rds';
import type { Construct } from 'constructs';
import type { DatabaseOptions, ServerOptions } from '../constructs/database/options';
import { SchemaDatabase } from '../constructs/database/schema-database';
import { acknowledgeNagRule } from '../constructs/functions/acknowledge';
import { listReferences } from '../constructs/validation/host';
import { identifierCheck } from '../constructs/validation/name-checks';
import { checkObject, checkProps, throwProblems } from '../constructs/validation/prop-checks';
import { buildDatabaseParameters } from './database-parameters';
import { checkEngine, DATABASE_STACK_CHECKS, type DatabaseStackProps } from './database-stack-props';
import { createServerLog } from './server-log';
import { checkSubnets, createIsolatedVpc, getSubnetSelection, type IsolatedVpc } from './server-network';

/** A version that both engines offer. */
const DEFAULT_VERSION = '17.9';

/**
 * A stack with a PostgreSQL server. Its schemas belong in separate stacks, so that a failed first migration does not
 * delete the server.
 *
 * @example
 * const server = new DatabaseStack(app, 'Server', { engine: 'aurora' });
 * const database = server.database({ databaseName: 'courses', createDatabase: true });
 */
export class DatabaseStack extends Stack {
  /** VPC of the server: the one in the props, or the one that this stack creates. */
  readonly vpc: ec2.IVpc;
  /** The server with `engine: 'instance'`; undefined with `aurora`. */
  readonly instance?: rds.DatabaseInstance;
  /** The server with `engine: 'aurora'`; undefined with `instance`. */
  readonly cluster?: rds.DatabaseCluster;
  /**
   * Name of the server's log group, `/aws/rds/instance/<identifier>/postgresql` or
   * `/aws/rds/cluster/<identifier>/postgresql`. It is known at synth.
   */
  readonly logGroupName: string;

  constructor(scope: Construct, id: string, props: DatabaseStackProps = {}) {
    super(scope, id, checkObject(id, props));
    checkProps(this, props, DATABASE_STACK_CHECKS);
    checkEngine(this, props);
    const { engine = 'instance', minimalCost = false } = props;
    const identifier = props.identifier ?? this.identifierOfName();
    const own = props.vpc === undefined ? createIsolatedVpc(this) : undefined;
    this.vpc = own?.vpc ?? props.vpc!;
    checkSubnets(this, this.vpc, getSubnetSelection(props));
    this.logGroupName = `/aws/rds/${engine === 'aurora' ? 'cluster' : 'instance'}/${identifier}/postgresql`;
    const logGroup = createServerLog(this, this.logGroupName, props);

    const version = props.version ?? DEFAULT_VERSION;
    const server = { ...this.common(props), version, identifier, minimalCost };
    if (engine === 'aurora') this.cluster = this.makeCluster(server, props);
    else this.instance = this.makeInstance(server, props);

    const made = this.cluster ?? this.instance!;
    // If RDS finds no group, it creates one without retention and without a key.
    made.node.addDependency(logGroup);
    acknowledgeNagRule(
      made,
      'AwsSolutions-RDS11',
      'Access is controlled by security groups; another port adds no security.',
    );
    if (props.managedSecret === false) {
      acknowledgeNagRule(
        made,
        'AwsSolutions-SMG4',
        'Chosen with managedSecret: false; rotation needs a function that can reach the RDS API from isolated subnets.',
      );
    }
    if (minimalCost) {
      const reason = 'minimalCost: a disposable server for a test.';
      for (const rule of ['RDS3', 'RDS10', 'RDS13']) acknowledgeNagRule(made, `AwsSolutions-${rule}`, reason);
    }
    this.exportAlways(own);
    new CfnOutput(this, 'LogGroupName', {
      value: this.logGroupName,
      description: "Log group of the server's log",
    });
  }

  /**
   * Returns one of the server's databases, reached through the server's endpoint.
   * @param options for the login and the database, e.g. `{ databaseName: 'courses', createDatabase: true }`
   */
  database(options: ServerOptions = {}): SchemaDatabase {
    return this.cluster
      ? SchemaDatabase._cluster(this.cluster, options, NEW_DATABASE_ORIGIN)
      : SchemaDatabase._instance(this.instance!, options, NEW_DATABASE_ORIGIN);
  }

  /** Returns one of the server's databases, reached through the Data API. */
  dataApi(options: DatabaseOptions = {}): SchemaDatabase {
    if (!this.cluster) throwProblems(this, "The Data API needs engine: 'aurora'");
    return SchemaDatabase._dataApi(this.cluster, options, NEW_DATABASE_ORIGIN);
  }

  private identifierOfName(): string {
    const name = this.stackName.toLowerCase();
    const problem = identifierCheck(name, "identifier, which is made of the stack's name,");
    return problem === undefined ? name : throwProblems(this, `${problem}. Give \`identifier\``);
  }

  /**
   * Exports every value that a schema's stack may import, even if none does. This stack is deployed before the schemas'
   * stacks, so an export that it dropped because a schema now logs in differently would still be in use.
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
    for (const reference of values.flatMap(listReferences)) this.exportValue(reference);
  }

  private common(props: DatabaseStackProps) {
    const { minimalCost = false, encryptionKey, managedSecret = true } = props;
    return {
      vpc: this.vpc,
      vpcSubnets: getSubnetSelection(props),
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
      deletionProtection: !minimalCost,
      deleteAutomatedBackups: minimalCost,
      // A snapshot is taken also when CloudFormation replaces the server.
      removalPolicy: minimalCost ? RemovalPolicy.DESTROY : RemovalPolicy.SNAPSHOT,
    };
  }

  private makeInstance(
    { version, identifier, minimalCost, ...common }: Server,
    props: DatabaseStackProps,
  ): rds.DatabaseInstance {
    const engine = rds.DatabaseInstanceEngine.postgres({
      version: rds.PostgresEngineVersion.of(version, parseMajor(version)),
    });
    return new rds.DatabaseInstance(this, 'Instance', {
      ...common,
      engine,
      instanceIdentifier: identifier,
      allowMajorVersionUpgrade: props.allowMajorVersionUpgrade,
      databaseName: props.databaseName ?? 'app',
      instanceType:
        props.instanceType ??
        ec2.InstanceType.of(
          ec2.InstanceClass.T4G,
          minimalCost ? ec2.InstanceSize.MICRO : ec2.InstanceSize.MEDIUM,
        ),
      multiAz: !minimalCost,
      storageType: rds.StorageType.GP3,
      allocatedStorage: 20,
      maxAllocatedStorage: minimalCost ? undefined : 500,
      backupRetention: Duration.days(minimalCost ? 1 : 14),
      parameterGroup: this.parameterGroup(engine, version, props),
    });
  }

  private makeCluster(
    { version, identifier, minimalCost, autoMinorVersionUpgrade, ...common }: Server,
    props: DatabaseStackProps,
  ): rds.DatabaseCluster {
    const engine = rds.DatabaseClusterEngine.auroraPostgres({
      version: rds.AuroraPostgresEngineVersion.of(version, parseMajor(version)),
    });
    return new rds.DatabaseCluster(this, 'Cluster', {
      ...common,
      engine,
      clusterIdentifier: identifier,
      defaultDatabaseName: props.databaseName ?? 'app',
      writer: rds.ClusterInstance.serverlessV2('Writer', { autoMinorVersionUpgrade }),
      readers: minimalCost
        ? []
        : [rds.ClusterInstance.serverlessV2('Reader', { autoMinorVersionUpgrade, scaleWithWriter: true })],
      // With 0, Aurora pauses when idle, and the first connection then takes some seconds.
      serverlessV2MinCapacity: minimalCost ? 0 : 0.5,
      serverlessV2MaxCapacity: props.maxCapacity ?? (minimalCost ? 1 : 4),
      enableDataApi: props.dataApi ?? false,
      backup: { retention: Duration.days(minimalCost ? 1 : 14) },
      // The cluster's parameter group also contains the defaults for its instances.
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
      parameters: buildDatabaseParameters({
        majorVersion: Number(parseMajor(version)),
        logStatements: props.logStatements ?? true,
      }),
    });
  }
}

type Server = ReturnType<DatabaseStack['common']> & {
  readonly version: string;
  readonly identifier: string;
  readonly minimalCost: boolean;
};

const NEW_DATABASE_ORIGIN = { madeHere: true };

const parseMajor = (version: string): string => version.split('.')[0]!;
