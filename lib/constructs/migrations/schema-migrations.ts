import { basename, resolve } from 'node:path';
import { Annotations, CfnOutput, CustomResource, Lazy, RemovalPolicy, Stack, Token } from 'aws-cdk-lib';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import { Construct, Dependable } from 'constructs';
import {
  buildMigrateEnvironment,
  DEPLOY_ATTRIBUTES,
  DEPLOY_RESOURCE_TYPE,
  type DeployProperties,
} from '../../../lambda/contract/custom-resource';
import type { Manifest } from '../../../lambda/contract/manifest';
import { describeOutput } from '../../../lambda/contract/stack-outputs';
import { formatProblem } from '../../compiler/problem';
import { checkDataApiLimits } from '../database/data-api-limits';
import { warnAboutMasterLogin } from '../database/login';
import { getLoginSecret } from '../database/login-secret';
import {
  formatStackPath,
  listOtherNamespaces,
  reserveNamespace,
  reserveOnServer,
} from '../database/namespaces';
import type { SchemaDatabase } from '../database/schema-database';
import { grantInvoke } from '../functions/execution-role';
import { createHandlerCode } from '../functions/handler-code';
import { MigrateFunction } from '../functions/migrate-function';
import { namespaceCheck, parseClusterArn } from '../validation/name-checks';
import { checkProps, prefixErrors, throwProblems } from '../validation/prop-checks';
import { list, objectCheck } from '../validation/values';
import { addWorkload, checkBaseline, compileOnce, readSuppressionsFile } from './compile';
import { DeployProvider } from './deploy-provider';
import { buildDeployProperties } from './deploy-resource';
import { SCHEMA_MIGRATIONS_CHECKS, type SchemaMigrationsProps } from './schema-migrations-props';
import { computeTiming } from './timing';

/**
 * Migrates a database to the state that a folder of migrations describes while the stack is deployed, and undoes what a
 * failed deployment did when CloudFormation rolls back. Make everything that needs the schema depend on this construct:
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
  /** Name of the ledger in the database. */
  readonly ledgerName: string;
  /** Database that is migrated. */
  readonly database: SchemaDatabase;
  /** @internal */
  readonly _manifest: Manifest;
  /** Log group of all functions of this construct. */
  readonly logGroup: logs.ILogGroup;
  /**
   * Whether drift checks of this schema audit the database.
   * @internal
   */
  readonly _audited: boolean;
  /** Function that changes the database: converge, baseline, down. A principal that may invoke it can destroy data. */
  readonly migrateFunction: lambda.Function;
  /** Function that answers read-only requests: status, plan, verify, audit, drift, diagnose and the workload check. */
  readonly queryFunction: lambda.Function;
  /** Security groups of both functions. Empty when the Data API is used. */
  readonly connections: ec2.Connections;
  /**
   * Name of the newest applied versioned migration; `none` if there is none, `unknown` if a rollback could not reach the
   * database.
   */
  readonly position: string;
  /** Names of the migrations that the newest deployment applied, joined with commas; `none` if there are none. */
  readonly applied: string;
  /** Names of the migrations that a rollback undid, joined with commas; `none` if there are none. */
  readonly undone: string;
  /**
   * Names of the migrations that a rollback did not undo, each with the reason; `none` if there are none, `unknown` if
   * the rollback could not reach the database.
   */
  readonly kept: string;
  /**
   * Warnings of a successful deployment, e.g. a file that no longer exists, a file that was added out of order, or what
   * a rollback did not undo; `none` if there are none.
   */
  readonly warnings: string;
  /** Command that follows the log of all functions. */
  readonly logCommand: string;

  constructor(scope: Construct, id: string, props: SchemaMigrationsProps) {
    super(scope, id);
    checkProps(this, props, SCHEMA_MIGRATIONS_CHECKS);
    const { database } = props;
    this.database = database;
    this.ledgerName = props.ledgerName ?? this.deriveLedgerName(props.folder);
    this.checkPlace();
    const { account, region } = Stack.of(this);
    // The same host name may mean another server elsewhere, e.g. in the account of another stage.
    reserveNamespace(
      this,
      `${account} ${region} ${database._server}/${database.databaseName} ${this.ledgerName}`,
    );
    reserveOnServer(this, `${account} ${region} ${database._server} ${this.ledgerName}`, 'schema');
    const times = prefixErrors(this, () => computeTiming(props));
    const { manifest, warnings } = compileOnce(props.folder, props.baseline);
    const { suppressions, scheduled = true } = props.audit ?? {};
    this._audited = scheduled;
    this._manifest = {
      ...prefixErrors(this, () => addWorkload(manifest, props)),
      ...(suppressions === undefined
        ? {}
        : { suppressions: prefixErrors(this, () => readSuppressionsFile(suppressions)) }),
    };
    for (const warning of warnings)
      Annotations.of(this).addWarningV2('trueup:migrationFile', formatProblem(warning));
    if (props.workloadDays !== undefined && props.workload === undefined)
      Annotations.of(this).addWarningV2(
        'trueup:workloadDays',
        'workloadDays is given without workload. Statements that the database was seen to run are guarded only beside the statements of a workload.',
      );
    if (database._access.transport === 'data-api') checkDataApiLimits(this._manifest);

    this.logGroup =
      props.logGroup ??
      new logs.LogGroup(this, 'Log', {
        retention: logs.RetentionDays.ONE_MONTH,
        removalPolicy: RemovalPolicy.RETAIN,
      });
    const code = {
      database,
      manifest: this._manifest,
      namespace: this.ledgerName,
      ownerRole: props.owner,
      workloadDays: props.workloadDays,
      timeout: times.migrateTimeout,
      logGroup: this.logGroup,
      loginSecret: getLoginSecret(this, database),
    };
    warnAboutMasterLogin(this, database);
    const migrate = new MigrateFunction(this, 'Migrate', code);
    this.migrateFunction = migrate.function;
    this.queryFunction = new MigrateFunction(this, 'Query', {
      ...code,
      migrate,
      reservedConcurrency: props.queryConcurrency,
    }).function;
    this.connections = migrate.connections;
    const deploy = new DeployProvider(this, 'Deploy', {
      code: createHandlerCode('deploy'),
      migrate: [migrate.function],
      environment: buildMigrateEnvironment(migrate.function.functionName),
      timing: times,
      logGroup: this.logGroup,
    });

    const resource = new CustomResource(this, 'Resource', {
      resourceType: DEPLOY_RESOURCE_TYPE,
      serviceToken: deploy.serviceToken,
      serviceTimeout: times.serviceTimeout,
      properties: this.properties(props),
    });
    resource.node.addDependency(...migrate.dependencies);
    // Dependents wait for the resource only, not for e.g. the function's security group rules, which may refer to a
    // dependent.
    Dependable.implement(this, { dependencyRoots: [resource] });

    this.position = resource.getAttString(DEPLOY_ATTRIBUTES.position);
    this.applied = resource.getAttString(DEPLOY_ATTRIBUTES.applied);
    this.undone = resource.getAttString(DEPLOY_ATTRIBUTES.undone);
    this.kept = resource.getAttString(DEPLOY_ATTRIBUTES.kept);
    this.warnings = resource.getAttString(DEPLOY_ATTRIBUTES.warnings);
    this.logCommand = `aws logs tail ${this.logGroup.logGroupName} --follow --region ${Stack.of(this).region}`;
    if (props.outputs ?? true) this.addOutputs();
  }

  /**
   * Grants permission for read-only requests: `trueup status | plan | verify | rehearse | audit | explain --stack`.
   * None of them can change anything.
   *
   * @example
   * schema.grantQuery(onCallRole);
   */
  grantQuery(grantee: iam.IGrantable): iam.Grant {
    return grantInvoke(grantee, this.queryFunction);
  }

  /**
   * Grants permission to change the database as a deployment does: `trueup baseline | down --stack`. `down` can destroy
   * data.
   *
   * @example
   * schema.grantQuery(releaseRole);
   * schema.grantDeploy(releaseRole);
   */
  grantDeploy(grantee: iam.IGrantable): iam.Grant {
    return grantInvoke(grantee, this.migrateFunction);
  }

  private properties(props: SchemaMigrationsProps): Record<string, unknown> {
    const stack = Stack.of(this);
    const beside = listOtherNamespaces(this);
    const size = (each: DeployProperties) => Buffer.byteLength(JSON.stringify(stack.resolve(each)));
    const baseline = props.baseline ?? '';
    checkBaseline(this, baseline, this._manifest);
    const all = () =>
      prefixErrors(this, () =>
        buildDeployProperties(
          {
            manifest: this._manifest,
            target: this.database._target,
            login: this.database._loginIdentity,
            namespace: this.ledgerName,
            ownerRole: props.owner,
            adopt: props.adopt,
            baseline,
            rollbackAfterSuccess: props.rollbackAfterSuccess,
            forceRunToken: props.forceRunToken,
            owner: formatStackPath(stack),
            beside: beside(),
          },
          size,
        ),
      );
    // The other constructs of the stack are known only at the end of synth, and their names leave less room for the
    // migrations' names.
    return {
      ...all(),
      Migrations: Lazy.list({ produce: () => [...all().Migrations] }),
      OtherNamespaces: Lazy.list({ produce: () => [...(all().OtherNamespaces ?? [])] }, { omitEmpty: true }),
    };
  }

  private deriveLedgerName(path: string): string {
    const name = basename(resolve(path));
    const problem = namespaceCheck(name, "the folder's name");
    return problem === undefined ? name : throwProblems(this, `${problem}. Give \`ledgerName\``);
  }

  /**
   * Refuses a cluster in another region or account than the stack's: the Data API works only in the cluster's region,
   * and not across accounts.
   */
  private checkPlace(): void {
    const { _access: access } = this.database;
    const place = access.transport === 'data-api' ? parseClusterArn(access.clusterArn) : undefined;
    if (place === undefined) return;
    const stack = Stack.of(this);
    for (const part of ['region', 'account'] as const) {
      if (Token.isUnresolved(stack[part]) || stack[part] === place[part]) continue;
      throwProblems(
        this,
        `the cluster of the Data API is in ${part} ${place[part]}; it must be in the stack's, ${stack[part]}`,
      );
    }
  }

  private addOutputs(): void {
    const about = `of the schema ${this.ledgerName}`;
    const output = (id: string, value: string, description: string) =>
      new CfnOutput(this, id, { value, description: `${description} ${about}` });
    output('Position', this.position, 'Newest applied migration');
    output('Applied', this.applied, 'Applied by the newest deployment');
    output('Undone', this.undone, 'Undone by the newest deployment');
    output('Kept', this.kept, 'Kept by a rollback');
    output('Warnings', this.warnings, 'Warnings of the newest deployment');
    output('LogCommand', this.logCommand, 'Follows the log');
    const functions = { MigrateFunction: this.migrateFunction, QueryFunction: this.queryFunction } as const;
    for (const id of ['MigrateFunction', 'QueryFunction'] as const) {
      const description = describeOutput(id, `schema ${this.ledgerName}`);
      new CfnOutput(this, id, { value: functions[id].functionName, description });
    }
  }
}

export const schemaCheck = objectCheck<SchemaMigrations>(
  'must be a SchemaMigrations',
  'migrateFunction',
  'ledgerName',
);
export const schemasCheck = list(schemaCheck, { notEmpty: 'must name at least one SchemaMigrations' });
