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
import { describeOutput } from '../../../lambda/contract/stack-outputs';
import { formatProblem } from '../../compiler/problem';
import type { SchemaAlarms } from '../alarms/schema-alarms';
import { warnAboutMasterLogin } from '../database/login';
import { formatStackPath } from '../database/namespaces';
import type { SchemaDatabase } from '../database/schema-database';
import { grantInvoke } from '../functions/execution-role';
import { createHandlerCode } from '../functions/handler-code';
import { MigrateFunction } from '../functions/migrate-function';
import { addWorkload, checkBaseline, compileOnce } from '../migrations/compile';
import { buildDeployProperties } from '../migrations/deploy-resource';
import { computeTiming } from '../migrations/timing';
import { namespaceCheck } from '../validation/name-checks';
import { checkProps, prefixErrors, throwProblems } from '../validation/prop-checks';
import { objectCheck } from '../validation/values';
import {
  checkServers,
  checkTenantSecrets,
  checkTenantSources,
  getSecretPrefix,
  SCHEMA_FLEET_CHECKS,
} from './checks';
import { watchFleet } from './fleet-alarms';
import { planFleet } from './fleet-plan';
import { FleetLead } from './lead';
import { FleetMachine } from './machine';
import { reportCapacity } from './report-capacity';
import type { SchemaFleetProps } from './schema-fleet-props';

/** A server of a fleet, and the function that changes its tenants. */
export interface FleetServer {
  readonly name: string;
  readonly database: SchemaDatabase;
  readonly migrate: MigrateFunction;
  readonly file: FleetFile;
}

/**
 * Migrates many tenants to the state that one folder of migrations describes while the stack is deployed. Each tenant
 * has its own database or its own schema. A run of Step Functions first looks at all tenants, then migrates a few, then
 * the rest.
 *
 * @example
 * const fleet = new SchemaFleet(stack, 'Tenants', {
 *   servers: { main: SchemaDatabase.instance(instance) },
 *   tenants: [FleetTenants.databases({ pattern: 'tenant_*' })],
 *   folder: 'migrations/courses',
 *   canary: ['tenant_demo'],
 * });
 * service.node.addDependency(fleet);
 */
export class SchemaFleet extends Construct implements ec2.IConnectable {
  /** Name of the ledger in each tenant's database. */
  readonly ledgerName: string;
  /** @internal */
  readonly _manifest: Manifest;
  /** Log group of all functions of this construct. */
  readonly logGroup: logs.ILogGroup;
  /**
   * Servers of the fleet, for constructs that check the tenants later.
   * @internal
   */
  readonly _servers: readonly FleetServer[];
  /** Role that owns the application's tables. Undefined if migrations run as the login role. */
  readonly owner: string | undefined;
  /** Alarms of the fleet. Undefined if it has none. */
  readonly alarms: SchemaAlarms | undefined;
  /** Functions by server name. Each looks at the tenants of its server, migrates them and undoes their migrations. */
  readonly migrateFunctions: Readonly<Record<string, lambda.Function>>;
  /** Function that `trueup status --stack --fleet` and `trueup up --stack --tenant` invoke. It can change tenants. */
  readonly fleetFunction: lambda.Function;
  /** Function that `trueup status --stack --fleet` invokes. It cannot change a tenant. */
  readonly queryFunction: lambda.Function;
  /**
   * Bucket with the lists and results. Its objects expire after 30 days, and it is retained when the stack is deleted.
   */
  readonly bucket: s3.Bucket;
  /** Security groups of the functions of all servers. */
  readonly connections: ec2.Connections;
  /** Number of tenants in each state, as text for an output, e.g. `6 tenants: 5 at version, 1 failed`. */
  readonly tenants: string;
  /** Tenants that failed but were tolerated (`maxFailures`), each with its server and state; `none` if there are none. */
  readonly failed: string;
  /** Number of migrations that a rollback undid, in all tenants together. */
  readonly undone: string;
  /** Migrations that a rollback did not undo, with the tenants and the reasons; `none` if there are none. */
  readonly kept: string;
  /** Warnings of the newest deployment; `none` if there are none. */
  readonly warnings: string;

  constructor(scope: Construct, id: string, props: SchemaFleetProps) {
    super(scope, id);
    checkProps(this, props, SCHEMA_FLEET_CHECKS);
    this.ledgerName = props.ledgerName ?? this.deriveLedgerName(props.folder);
    checkServers(this, this.ledgerName, props.servers);
    checkTenantSources(this, props);
    checkTenantSecrets(this, props);
    const times = prefixErrors(this, () => computeTiming(props));
    const { manifest: compiled, warnings } = compileOnce(props.folder, props.baseline);
    checkBaseline(this, props.baseline, compiled);
    const manifest = prefixErrors(this, () => addWorkload(compiled, props));
    this._manifest = manifest;
    for (const warning of warnings)
      Annotations.of(this).addWarningV2('trueup:migrationFile', formatProblem(warning));
    const planned = prefixErrors(this, () => planFleet(props, { namespace: this.ledgerName, manifest }));
    reportCapacity(this, props, planned, manifest, times.totalTimeout.toSeconds());

    this.logGroup =
      props.logGroup ??
      new logs.LogGroup(this, 'Log', {
        retention: logs.RetentionDays.ONE_MONTH,
        removalPolicy: RemovalPolicy.RETAIN,
      });
    this.owner = props.owner;
    this.alarms = props.alarms;
    const migrates = Object.entries(props.servers).map(([name, given]): FleetServer => {
      const database = given._forFleet(this);
      warnAboutMasterLogin(this, database);
      const file = planned.files[name]!;
      const prefix = getSecretPrefix(props.tenantSecrets, name);
      const migrate = new MigrateFunction(this, `Server-${name}`, {
        database,
        manifest,
        namespace: this.ledgerName,
        ownerRole: props.owner,
        workloadDays: undefined,
        timeout: times.migrateTimeout,
        logGroup: this.logGroup,
        fleet: file,
        tenantSecrets: prefix === undefined ? undefined : { ...props.tenantSecrets, prefix },
      });
      return { name, database, migrate, file };
    });
    this._servers = migrates;
    this.migrateFunctions = Object.fromEntries(migrates.map(({ name, migrate }) => [name, migrate.function]));
    this.connections = new ec2.Connections({
      securityGroups: migrates.flatMap(({ migrate }) => migrate.connections.securityGroups),
    });
    const planText = JSON.stringify(planned.plan);
    const machine = new FleetMachine(this, 'Fleet', {
      code: createHandlerCode('fleet-run', { [FLEET_PLAN_FILE]: planText }),
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
      owner: formatStackPath(Stack.of(this)),
      timing: times,
      logGroup: this.logGroup,
    });
    this.fleetFunction = lead.fleetFunction;
    this.queryFunction = lead.queryFunction;

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
    // Dependents wait for the resource only.
    Dependable.implement(this, { dependencyRoots: [resource] });

    this.tenants = resource.getAttString(FLEET_ATTRIBUTES.tenants);
    this.failed = resource.getAttString(FLEET_ATTRIBUTES.failed);
    this.undone = resource.getAttString(FLEET_ATTRIBUTES.undone);
    this.kept = resource.getAttString(FLEET_ATTRIBUTES.kept);
    this.warnings = resource.getAttString(FLEET_ATTRIBUTES.warnings);
    if (props.outputs ?? true) this.addOutputs();
  }

  /**
   * Grants permission to look at the tenants and to migrate some of them: `trueup status --stack --fleet`,
   * `trueup up --stack --tenant`. Grant it also to a function that creates tenants: it can then invoke the fleet's
   * function with `{"action": "up", "tenants": ["acme"]}`.
   *
   * @example
   * fleet.grantUp(signUpFunction);
   */
  grantUp(grantee: iam.IGrantable): iam.Grant {
    return grantInvoke(grantee, this.fleetFunction);
  }

  /**
   * Grants permission to look at the tenants with `trueup status --stack --fleet`, but not to migrate them.
   *
   * @example
   * fleet.grantQuery(onCallRole);
   */
  grantQuery(grantee: iam.IGrantable): iam.Grant {
    return grantInvoke(grantee, this.queryFunction);
  }

  private properties(props: SchemaFleetProps, planHash: string, hash: string): Record<string, unknown> {
    const stack = Stack.of(this);
    const size = (each: DeployProperties) => Buffer.byteLength(JSON.stringify(stack.resolve(each)));
    const all = () =>
      prefixErrors(this, () =>
        buildDeployProperties(
          {
            manifest: this._manifest,
            // The names identify the tenants, even if a server has moved to another host.
            target: `fleet:${Object.keys(props.servers).join(',')}`,
            login: '-',
            namespace: this.ledgerName,
            ownerRole: props.owner,
            adopt: props.adopt,
            rollbackAfterSuccess: props.rollbackAfterSuccess,
            forceRunToken: [props.forceRunToken ?? '', hash].join(' ').trim(),
            owner: formatStackPath(stack),
            fleet: planHash,
          },
          size,
        ),
      );
    return { ...all(), Migrations: Lazy.list({ produce: () => [...all().Migrations] }) };
  }

  private deriveLedgerName(path: string): string {
    const name = basename(resolve(path));
    const problem = namespaceCheck(name, "the folder's name");
    return problem === undefined ? name : throwProblems(this, `${problem}. Give \`ledgerName\``);
  }

  private addOutputs(): void {
    const about = `of the fleet ${this.ledgerName}`;
    const output = (id: string, value: string, description: string) =>
      new CfnOutput(this, id, { value, description: `${description} ${about}` });
    output('Tenants', this.tenants, 'How many tenants are in which state,');
    output('Failed', this.failed, 'Tenants that are not where they should be,');
    output('Undone', this.undone, 'Migrations undone by the newest deployment');
    output('Kept', this.kept, 'Kept by a rollback');
    output('Warnings', this.warnings, 'Warnings of the newest deployment');
    new CfnOutput(this, 'FleetQueryFunction', {
      value: this.queryFunction.functionName,
      description: describeOutput('FleetQueryFunction', `fleet ${this.ledgerName}`),
    });
    new CfnOutput(this, 'FleetFunction', {
      value: this.fleetFunction.functionName,
      description: describeOutput('FleetFunction', `fleet ${this.ledgerName}`),
    });
  }
}

export const schemaFleetCheck = objectCheck<SchemaFleet>(
  'must be a SchemaFleet',
  'migrateFunctions',
  'ledgerName',
);
