import { basename, resolve } from 'node:path';
import { CfnOutput, CustomResource, RemovalPolicy, Stack, Token } from 'aws-cdk-lib';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import { Construct, Dependable } from 'constructs';
import { ATTRIBUTES, type DeployProperties } from '../../lambda/deploy/properties';
import type { Manifest } from '../../lambda/engine/manifest';
import { compileOnce } from './compile';
import { checkDataApiLimits } from './data-api-limits';
import { DeployProvider } from './deploy-provider';
import { fitProperties, newestMigrations } from './deploy-resource';
import { MigrateFunction } from './migrate-function';
import type { SchemaDatabase } from './schema-database';
import { type TimingProps, timing } from './timing';

export interface SchemaMigrationsProps extends TimingProps {
  readonly database: SchemaDatabase;
  /** Folder of migration files, absolute or relative to the working directory. Compiled at synth. */
  readonly folder: string;
  /**
   * Which of the database's ledgers. One construct owns it; renaming it means a new, empty ledger.
   * @default - the folder's name
   */
  readonly namespace?: string;
  /**
   * The role that owns the application's tables. Migrations run as this role; the login role must be a member of it.
   * @default - the login role
   */
  readonly owner?: string;
  /**
   * Take the namespace over from another stack that owns it.
   * @default false
   */
  readonly adopt?: boolean;
  /**
   * For a database that was there before its migrations were: mark everything up to this name as applied, without running
   * it, if it verifies.
   * @default - none
   */
  readonly baseline?: string;
  /**
   * When a later resource of the stack fails after this one had succeeded, the new application may already be running, so
   * a rollback keeps what the deployment applied. `true` undoes it all the same, where that is harmless.
   * @default false
   */
  readonly undoAfterSuccess?: boolean;
  /**
   * Another text forces a run although nothing else has changed, e.g. after a restore.
   * @default - none
   */
  readonly runId?: string;
  /**
   * For all functions of this construct.
   * @default - a log group of its own, kept for a month, which stays when the stack is rolled back or deleted, since it
   * says why
   */
  readonly logGroup?: logs.ILogGroup;
  /**
   * Add stack outputs: position, what was applied, undone and kept, warnings, the command that follows the log, and the
   * function that `trueup --stack` invokes.
   * @default true
   */
  readonly outputs?: boolean;
}

/**
 * Brings a database's schema to what a folder of migrations says, while the stack is deployed; undoes what a failed
 * deployment did when CloudFormation rolls back. Whatever needs the schema depends on this construct:
 * `service.node.addDependency(schema)`.
 */
export class SchemaMigrations extends Construct implements ec2.IConnectable {
  readonly namespace: string;
  readonly database: SchemaDatabase;
  readonly manifest: Manifest;
  readonly logGroup: logs.ILogGroup;
  /** Speaks to the database: converge, status, plan, verify, drift, diagnose. */
  readonly migrateFunction: lambda.Function;
  /** Of `migrate`; empty for the Data API. */
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
    const { database } = props;
    this.database = database;
    this.namespace = checkedNamespace(props.namespace ?? basename(resolve(props.folder)));
    const { account, region } = Stack.of(this);
    // A host of one name may be another server elsewhere, e.g. in the account of another stage.
    reserve(this, `${account} ${region} ${database.server}/${database.databaseName} ${this.namespace}`);
    const times = timing(props);
    this.manifest = compileOnce(props.folder);
    if (database.access.transport === 'data-api') checkDataApiLimits(this.manifest);

    this.logGroup =
      props.logGroup ??
      new logs.LogGroup(this, 'Log', {
        retention: logs.RetentionDays.ONE_MONTH,
        removalPolicy: RemovalPolicy.RETAIN,
      });
    const migrate = new MigrateFunction(this, 'Migrate', {
      database,
      manifest: this.manifest,
      namespace: this.namespace,
      ownerRole: props.owner,
      timeout: times.migrateTimeout,
      logGroup: this.logGroup,
    });
    this.migrateFunction = migrate.function;
    this.connections = migrate.connections;
    const deploy = new DeployProvider(this, 'Deploy', {
      migrate: migrate.function,
      timing: times,
      logGroup: this.logGroup,
    });

    const resource = new CustomResource(this, 'Resource', {
      resourceType: 'Custom::TrueupSchema',
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

  /** Lets somebody run `trueup status | plan | verify | baseline | down` through the deployed function. */
  grantInvoke(grantee: iam.IGrantable): iam.Grant {
    return iam.Grant.addToPrincipal({
      grantee,
      actions: ['lambda:InvokeFunction'],
      resourceArns: [this.migrateFunction.functionArn],
    });
  }

  private properties(props: SchemaMigrationsProps): Record<string, unknown> {
    const all: DeployProperties = {
      ManifestHash: this.manifest.hash,
      Migrations: newestMigrations(this.manifest),
      Target: this.database.target,
      Login: this.database.loginIdentity,
      Namespace: this.namespace,
      OwnerRole: props.owner ?? '',
      Adopt: String(props.adopt ?? false),
      Baseline: checkedBaseline(props.baseline ?? '', this.manifest),
      UndoAfterSuccess: String(props.undoAfterSuccess ?? false),
      RunId: props.runId ?? '',
      Owner: nestedName(Stack.of(this)),
    };
    const stack = Stack.of(this);
    return { ...fitProperties(all, (each) => Buffer.byteLength(JSON.stringify(stack.resolve(each)))) };
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
    output('MigrateFunction', this.migrateFunction.functionName, 'Function that trueup --stack invokes');
  }
}

/** The name of the stack that is deployed, and the way down to the nested one: both are fixed at synth. */
function nestedName(stack: Stack): string | undefined {
  let root = stack;
  while (root.nestedStackParent) root = root.nestedStackParent;
  return root === stack ? undefined : root.stackName + stack.node.path.slice(root.node.path.length);
}

/** A misspelt one would be found by the deployment only. */
function checkedBaseline(name: string, { migrations }: Manifest): string {
  const versioned = migrations.filter(({ kind }) => kind === 'versioned').map((migration) => migration.name);
  if (name === '' || Token.isUnresolved(name) || versioned.includes(name)) return name;
  throw new Error(
    `baseline ${JSON.stringify(name)} is no versioned migration of the folder. Name the last one that the database holds already; the folder has ${versioned.slice(-5).join(', ') || 'none'}.`,
  );
}

/** It is part of file names, log lines and of the ledger's key. */
function checkedNamespace(namespace: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/.test(namespace)) {
    throw new Error(
      `namespace ${JSON.stringify(namespace)} must be 1 to 63 letters, digits or any of _ . - and begin with a letter or digit.`,
    );
  }
  return namespace;
}

const reserved = new WeakMap<object, Map<string, string>>();

/** Two constructs of one stack on one namespace would take turns undoing each other, and the ledger could not tell. */
function reserve(construct: Construct, key: string): void {
  const inApp = reserved.get(construct.node.root) ?? new Map<string, string>();
  reserved.set(construct.node.root, inApp);
  const other = inApp.get(key);
  if (other !== undefined) {
    throw new Error(
      `${construct.node.path} and ${other} use the same namespace of the same database. Give one of them another namespace.`,
    );
  }
  inApp.set(key, construct.node.path);
}
