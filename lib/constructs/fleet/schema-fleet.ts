import { basename, resolve } from 'node:path';
import { Annotations, CfnOutput, CustomResource, Lazy, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import { Construct, Dependable } from 'constructs';
import type { DeployProperties } from '../../../lambda/contract/custom-resource';
import type { FleetFile } from '../../../lambda/contract/fleet';
import { FLEET_ATTRIBUTES, FLEET_PLAN_FILE, FLEET_RESOURCE_TYPE } from '../../../lambda/contract/fleet-run';
import { type Manifest, sha256 } from '../../../lambda/contract/manifest';
import { formatProblem } from '../../compiler/problem';
import type { SchemaAlarms } from '../alarms/schema-alarms';
import { nestedName } from '../database/namespaces';
import type { SchemaDatabase } from '../database/schema-database';
import { handlerCode } from '../functions/handler-code';
import { MigrateFunction } from '../functions/migrate-function';
import { grantInvoke } from '../functions/roles';
import { compileOnce, withWorkload } from '../migrations/compile';
import { deployProperties } from '../migrations/deploy-resource';
import { timing } from '../migrations/timing';
import { checkProps, refuse, within } from '../validation/check';
import { namespace } from '../validation/names';
import { checkServers, SCHEMA_FLEET } from './checks';
import { watchFleet } from './fleet-alarms';
import { FleetLead } from './lead';
import { FleetMachine } from './machine';
import { planFleet } from './plan';
import { sayNumbers } from './say-numbers';
import type { SchemaFleetProps } from './schema-fleet-props';

/** A server of a fleet, and the function that changes its tenants. */
export interface FleetServer {
  readonly name: string;
  readonly database: SchemaDatabase;
  readonly migrate: MigrateFunction;
  readonly file: FleetFile;
}

/**
 * Brings the schemas of many tenants to what one folder of migrations says, while the stack is deployed: a database, or a
 * schema, for each. First all are looked at, then a few migrated, then the rest; the run is one of Step Functions.
 *
 * @example
 * const fleet = new SchemaFleet(stack, 'Tenants', {
 *   servers: { main: SchemaDatabase.instance(instance) },
 *   targets: [FleetTargets.databases({ pattern: 'tenant_*' })],
 *   folder: 'migrations/courses',
 *   canary: ['tenant_demo'],
 * });
 * service.node.addDependency(fleet);
 */
export class SchemaFleet extends Construct implements ec2.IConnectable {
  readonly namespace: string;
  readonly manifest: Manifest;
  readonly logGroup: logs.ILogGroup;
  /** For what looks at the tenants later. */
  readonly servers: readonly FleetServer[];
  readonly owner: string | undefined;
  /** Who is told; undefined for nobody. */
  readonly alarms: SchemaAlarms | undefined;
  /** The function of each server: it looks at tenants, migrates and undoes them. */
  readonly migrateFunctions: Readonly<Record<string, lambda.Function>>;
  /** Answers `trueup status --fleet` and `trueup up --target`. */
  readonly fleetFunction: lambda.Function;
  /** Lists and results, kept for 30 days, also when the stack is deleted. */
  readonly bucket: s3.Bucket;
  /** Of the functions of all servers. */
  readonly connections: ec2.Connections;
  /** How many tenants are in which state. */
  readonly tenants: string;
  /** Tenants that are not where they should be, where some are tolerated; `none` when nothing. */
  readonly failed: string;
  /** How many migrations a rollback undid, in all tenants together. */
  readonly undone: string;
  readonly kept: string;
  readonly warnings: string;

  constructor(scope: Construct, id: string, props: SchemaFleetProps) {
    super(scope, id);
    checkProps(this, props, SCHEMA_FLEET);
    this.namespace = props.namespace ?? this.namespaceOf(props.folder);
    checkServers(this, this.namespace, props.servers);
    const times = within(this, () => timing(props));
    const { manifest: compiled, warnings } = compileOnce(props.folder);
    const manifest = within(this, () => withWorkload(compiled, props.workload));
    this.manifest = manifest;
    for (const warning of warnings)
      Annotations.of(this).addWarningV2('trueup:migrationFile', formatProblem(warning));
    const planned = within(this, () => planFleet(props, { namespace: this.namespace, manifest }));
    sayNumbers(this, props, planned, times.totalTimeout.toSeconds());

    this.logGroup =
      props.logGroup ??
      new logs.LogGroup(this, 'Log', {
        retention: logs.RetentionDays.ONE_MONTH,
        removalPolicy: RemovalPolicy.RETAIN,
      });
    this.owner = props.owner;
    this.alarms = props.alarms;
    const migrates = Object.entries(props.servers).map(([name, database]): FleetServer => {
      const file = planned.files[name]!;
      const migrate = new MigrateFunction(this, `Server-${name}`, {
        database,
        manifest,
        namespace: this.namespace,
        ownerRole: props.owner,
        workloadDays: undefined,
        timeout: times.migrateTimeout,
        logGroup: this.logGroup,
        fleet: file,
        tenantSecrets: props.tenantSecrets,
      });
      return { name, database, migrate, file };
    });
    this.servers = migrates;
    this.migrateFunctions = Object.fromEntries(migrates.map(({ name, migrate }) => [name, migrate.function]));
    this.connections = new ec2.Connections({
      securityGroups: migrates.flatMap(({ migrate }) => migrate.connections.securityGroups),
    });
    const planText = JSON.stringify(planned.plan);
    const machine = new FleetMachine(this, 'Fleet', {
      code: handlerCode('fleet-run', { [FLEET_PLAN_FILE]: planText }),
      functions: this.migrateFunctions,
      concurrency: Object.values(planned.plan.servers)[0]!.concurrency,
      logGroup: this.logGroup,
    });
    this.bucket = machine.bucket;
    const lead = new FleetLead(this, 'Deploy', {
      planText,
      lists: planned.plan.lists,
      machine,
      functions: this.migrateFunctions,
      owner: nestedName(Stack.of(this)),
      timing: times,
      logGroup: this.logGroup,
    });
    this.fleetFunction = lead.fleetFunction;

    const resource = new CustomResource(this, 'Resource', {
      resourceType: FLEET_RESOURCE_TYPE,
      serviceToken: lead.serviceToken,
      serviceTimeout: times.serviceTimeout,
      properties: this.properties(props, sha256(planText), planned.hash),
    });
    resource.node.addDependency(
      ...machine.dependencies,
      ...migrates.flatMap(({ migrate }) => [migrate.function, ...migrate.dependencies]),
    );
    if (props.alarms) watchFleet(props.alarms, this, machine.machine);
    // Who depends on this construct waits for the resource.
    Dependable.implement(this, { dependencyRoots: [resource] });

    this.tenants = resource.getAttString(FLEET_ATTRIBUTES.tenants);
    this.failed = resource.getAttString(FLEET_ATTRIBUTES.failed);
    this.undone = resource.getAttString(FLEET_ATTRIBUTES.undone);
    this.kept = resource.getAttString(FLEET_ATTRIBUTES.kept);
    this.warnings = resource.getAttString(FLEET_ATTRIBUTES.warnings);
    if (props.outputs ?? true) this.addOutputs();
  }

  /**
   * Lets somebody ask where the tenants are, and bring some of them up: `trueup status --stack --fleet`,
   * `trueup up --stack --target`. What makes a tenant may call it too, with `{"action": "up", "targets": ["acme"]}`.
   *
   * @example
   * fleet.grantUp(signUpFunction);
   */
  grantUp(grantee: iam.IGrantable): iam.Grant {
    return grantInvoke(grantee, this.fleetFunction);
  }

  private properties(props: SchemaFleetProps, planHash: string, hash: string): Record<string, unknown> {
    const stack = Stack.of(this);
    const size = (each: DeployProperties) => Buffer.byteLength(JSON.stringify(stack.resolve(each)));
    const all = () =>
      within(this, () =>
        deployProperties(
          {
            manifest: this.manifest,
            // The same tenants by the same names, wherever a server has moved to.
            target: `fleet:${Object.keys(props.servers).join(',')}`,
            login: '-',
            namespace: this.namespace,
            ownerRole: props.owner,
            adopt: props.adopt,
            undoAfterSuccess: props.undoAfterSuccess,
            runId: [props.runId ?? '', hash].join(' ').trim(),
            owner: nestedName(stack),
            fleet: planHash,
          },
          size,
        ),
      );
    return { ...all(), Migrations: Lazy.list({ produce: () => [...all().Migrations] }) };
  }

  private namespaceOf(path: string): string {
    const name = basename(resolve(path));
    const problem = namespace(name, "the folder's name");
    return problem === undefined ? name : refuse(this, `${problem}. Give \`namespace\``);
  }

  private addOutputs(): void {
    const about = `of the fleet ${this.namespace}`;
    const output = (id: string, value: string, description: string) =>
      new CfnOutput(this, id, { value, description: `${description} ${about}` });
    output('Tenants', this.tenants, 'How many tenants are in which state,');
    output('Failed', this.failed, 'Tenants that are not where they should be,');
    output('Undone', this.undone, 'Migrations undone by the newest deployment');
    output('Kept', this.kept, 'Kept by a rollback');
    output('Warnings', this.warnings, 'Warnings of the newest deployment');
    output(
      'FleetFunction',
      this.fleetFunction.functionName,
      'Function for trueup status --fleet and up --target',
    );
  }
}
