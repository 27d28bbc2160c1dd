import { basename, resolve } from 'node:path';
import { Annotations, CfnOutput, CustomResource, Lazy, RemovalPolicy, Stack, Token } from 'aws-cdk-lib';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import { Construct, Dependable } from 'constructs';
import {
  ATTRIBUTES,
  type DeployProperties,
  migrateFunctionEnvironment,
  RESOURCE_TYPE,
} from '../../../lambda/contract/custom-resource';
import type { Manifest } from '../../../lambda/contract/manifest';
import { formatProblem } from '../../compiler/problem';
import { checkDataApiLimits } from '../database/data-api-limits';
import { namespacesBeside, nestedName, reserve } from '../database/namespaces';
import type { SchemaDatabase } from '../database/schema-database';
import { handlerCode } from '../functions/handler-code';
import { MigrateFunction } from '../functions/migrate-function';
import { grantInvoke } from '../functions/roles';
import { checkProps, fault, refuse, within } from '../validation/check';
import { namespace, placeOfCluster } from '../validation/names';
import { acceptedIn, compileOnce, withWorkload } from './compile';
import { DeployProvider } from './deploy-provider';
import { deployProperties } from './deploy-resource';
import { SCHEMA_MIGRATIONS, type SchemaMigrationsProps } from './schema-migrations-props';
import { timing } from './timing';

/**
 * Brings a database's schema to what a folder of migrations says, while the stack is deployed; undoes what a failed
 * deployment did when CloudFormation rolls back. Whatever needs the schema depends on this construct:
 * `service.node.addDependency(schema)`.
 *
 * @example
 * const schema = new SchemaMigrations(stack, 'Schema', {
 *   database: SchemaDatabase.instance(instance),
 *   folder: 'migrations/courses',
 *   owner: 'courses_app',
 * });
 * service.node.addDependency(schema);
 */
export class SchemaMigrations extends Construct implements ec2.IConnectable {
  readonly namespace: string;
  readonly database: SchemaDatabase;
  readonly manifest: Manifest;
  readonly logGroup: logs.ILogGroup;
  /** Whether drift checks of this schema audit the database. */
  readonly audited: boolean;
  /** Changes the database: converge, baseline, down. Who may invoke it may destroy data. */
  readonly migrateFunction: lambda.Function;
  /** Answers questions, read only: status, plan, verify, rehearse, audit, drift, diagnose. */
  readonly askFunction: lambda.Function;
  /** Of both functions; empty for the Data API. */
  readonly connections: ec2.Connections;
  /** Newest applied versioned migration. */
  readonly position: string;
  /** What the newest deployment applied, joined with commas; `none` when nothing. */
  readonly applied: string;
  readonly undone: string;
  readonly kept: string;
  /** What a person should know of a success: a file that is gone, one that came late, what a rollback gave up. */
  readonly warnings: string;
  /** Follows the log of all functions. */
  readonly logCommand: string;

  constructor(scope: Construct, id: string, props: SchemaMigrationsProps) {
    super(scope, id);
    checkProps(this, props, SCHEMA_MIGRATIONS);
    const { database } = props;
    this.database = database;
    this.namespace = props.namespace ?? this.namespaceOf(props.folder);
    this.checkPlace();
    const { account, region } = Stack.of(this);
    // A host of one name may be another server elsewhere, e.g. in the account of another stage.
    reserve(this, `${account} ${region} ${database.server}/${database.databaseName} ${this.namespace}`);
    const times = within(this, () => timing(props));
    const { manifest, warnings } = compileOnce(props.folder, props.baseline);
    const { accept, scheduled = true } = props.audit ?? {};
    this.audited = scheduled;
    this.manifest = {
      ...within(this, () => withWorkload(manifest, props.workload)),
      ...(accept === undefined ? {} : { accepted: within(this, () => acceptedIn(accept)) }),
    };
    for (const warning of warnings)
      Annotations.of(this).addWarningV2('trueup:migrationFile', formatProblem(warning));
    if (database.access.transport === 'data-api') checkDataApiLimits(this.manifest);

    this.logGroup =
      props.logGroup ??
      new logs.LogGroup(this, 'Log', {
        retention: logs.RetentionDays.ONE_MONTH,
        removalPolicy: RemovalPolicy.RETAIN,
      });
    const code = {
      database,
      manifest: this.manifest,
      namespace: this.namespace,
      ownerRole: props.owner,
      workloadDays: props.workloadDays,
      timeout: times.migrateTimeout,
      logGroup: this.logGroup,
    };
    const migrate = new MigrateFunction(this, 'Migrate', code);
    this.migrateFunction = migrate.function;
    this.askFunction = new MigrateFunction(this, 'Ask', {
      ...code,
      migrate,
      reservedConcurrency: props.askConcurrency,
    }).function;
    this.connections = migrate.connections;
    const deploy = new DeployProvider(this, 'Deploy', {
      code: handlerCode('deploy'),
      migrate: [migrate.function],
      environment: migrateFunctionEnvironment(migrate.function.functionName),
      timing: times,
      logGroup: this.logGroup,
    });

    const resource = new CustomResource(this, 'Resource', {
      resourceType: RESOURCE_TYPE,
      serviceToken: deploy.serviceToken,
      serviceTimeout: times.serviceTimeout,
      properties: this.properties(props),
    });
    resource.node.addDependency(...migrate.dependencies);
    // Who depends on this construct waits for the resource, and not for e.g. the function's rules that it may refer to.
    Dependable.implement(this, { dependencyRoots: [resource] });

    this.position = resource.getAttString(ATTRIBUTES.position);
    this.applied = resource.getAttString(ATTRIBUTES.applied);
    this.undone = resource.getAttString(ATTRIBUTES.undone);
    this.kept = resource.getAttString(ATTRIBUTES.kept);
    this.warnings = resource.getAttString(ATTRIBUTES.warnings);
    this.logCommand = `aws logs tail ${this.logGroup.logGroupName} --follow --region ${Stack.of(this).region}`;
    if (props.outputs ?? true) this.addOutputs();
  }

  /**
   * Lets somebody ask: `trueup status | plan | verify | rehearse | audit | explain --stack`. Nothing can be changed with it.
   *
   * @example
   * schema.grantAsk(onCallRole);
   */
  grantAsk(grantee: iam.IGrantable): iam.Grant {
    return grantInvoke(grantee, this.askFunction);
  }

  /**
   * Lets somebody change the database as a deployment does: `trueup baseline | down --stack`. `down` can destroy data.
   *
   * @example
   * schema.grantAsk(releaseRole);
   * schema.grantDeploy(releaseRole);
   */
  grantDeploy(grantee: iam.IGrantable): iam.Grant {
    return grantInvoke(grantee, this.migrateFunction);
  }

  private properties(props: SchemaMigrationsProps): Record<string, unknown> {
    const stack = Stack.of(this);
    const beside = namespacesBeside(this);
    const size = (each: DeployProperties) => Buffer.byteLength(JSON.stringify(stack.resolve(each)));
    const baseline = this.checkedBaseline(props.baseline ?? '');
    const all = () =>
      within(this, () =>
        deployProperties(
          {
            manifest: this.manifest,
            target: this.database.target,
            login: this.database.loginIdentity,
            namespace: this.namespace,
            ownerRole: props.owner,
            adopt: props.adopt,
            baseline,
            undoAfterSuccess: props.undoAfterSuccess,
            runId: props.runId,
            owner: nestedName(stack),
            beside: beside(),
          },
          size,
        ),
      );
    // Who comes after this one in the stack is known at the end only, and takes room from the names.
    return {
      ...all(),
      Migrations: Lazy.list({ produce: () => [...all().Migrations] }),
      Beside: Lazy.list({ produce: () => [...(all().Beside ?? [])] }, { omitEmpty: true }),
    };
  }

  private namespaceOf(path: string): string {
    const name = basename(resolve(path));
    const problem = namespace(name, "the folder's name");
    return problem === undefined ? name : refuse(this, `${problem}. Give \`namespace\``);
  }

  /** The Data API answers in its cluster's region, and nobody of another account. */
  private checkPlace(): void {
    const { access } = this.database;
    const place = access.transport === 'data-api' ? placeOfCluster(access.clusterArn) : undefined;
    if (place === undefined) return;
    const stack = Stack.of(this);
    for (const part of ['region', 'account'] as const) {
      if (Token.isUnresolved(stack[part]) || stack[part] === place[part]) continue;
      refuse(
        this,
        `the cluster of the Data API is in ${part} ${place[part]}; it must be in the stack's, ${stack[part]}`,
      );
    }
  }

  /** A misspelt one would be found by the deployment only. */
  private checkedBaseline(name: string): string {
    const versioned = this.manifest.migrations
      .filter(({ kind }) => kind === 'versioned')
      .map((each) => each.name);
    if (name === '' || Token.isUnresolved(name) || versioned.includes(name)) return name;
    const must = `must be a versioned migration of the folder, the last one that the database holds already. The folder has ${versioned.slice(-5).join(', ') || 'none'}`;
    refuse(this, fault('baseline', name, must));
  }

  private addOutputs(): void {
    const about = `of the schema ${this.namespace}`;
    const output = (id: string, value: string, description: string) =>
      new CfnOutput(this, id, { value, description: `${description} ${about}` });
    output('Position', this.position, 'Newest applied migration');
    output('Applied', this.applied, 'Applied by the newest deployment');
    output('Undone', this.undone, 'Undone by the newest deployment');
    output('Kept', this.kept, 'Kept by a rollback');
    output('Warnings', this.warnings, 'Warnings of the newest deployment');
    output('LogCommand', this.logCommand, 'Follows the log');
    output('MigrateFunction', this.migrateFunction.functionName, 'Function for trueup baseline and down');
    output(
      'AskFunction',
      this.askFunction.functionName,
      'Function for trueup status, plan, verify and explain',
    );
  }
}
