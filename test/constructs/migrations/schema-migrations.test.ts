import { Duration, NestedStack, Stack } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as rds from 'aws-cdk-lib/aws-rds';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import { describe, expect, it } from 'vitest';
import { SchemaDatabase } from '../../../lib/constructs/database/schema-database';
import { SchemaMigrations } from '../../../lib/constructs/migrations/schema-migrations';
import type { DatabaseStack } from '../../../lib/stacks/database-stack';
import { makeCertificates } from '../../support/certificates';
import { deployment } from '../../support/deployment';
import { folderOf, onlyResource, PEOPLE_FOLDER, resourcesOf, testApp } from '../../support/synth';

const folder = PEOPLE_FOLDER;

const propertiesOf = (stack: Stack) =>
  onlyResource(Template.fromStack(stack), 'Custom::TrueupSchema').Properties;

describe('the custom resource', () => {
  it('carries what must lead to another run', () => {
    const { stack, schema } = deployment({
      owner: 'app',
      adopt: true,
      baseline: '0001_people',
      rollbackAfterSuccess: true,
      forceRunToken: 'after restore',
    });
    const properties = propertiesOf(stack);
    expect(properties).toMatchObject({
      ManifestHash: schema._manifest.hash,
      Migrations: [expect.stringMatching(/^0001_people [0-9a-f]{8}$/)],
      Namespace: 'people',
      OwnerRole: 'app',
      Adopt: 'true',
      Baseline: '0001_people',
      RollbackAfterSuccess: 'true',
      ForceRunToken: 'after restore',
    });
    expect(JSON.stringify(properties.Target)).toMatch(/"pg:",.*EndpointAddress.*":",.*EndpointPort.*"\/app"/);
    expect(JSON.stringify(properties.Login)).toMatch(/"secret:",.*MasterUserSecret/);
  });

  it('has the suppressions in the asset, and a change of them is no migration', () => {
    const files = folderOf({ suppressions: '# why\ninvalid-index public.t  # dropped in May\n' });
    const none = deployment();
    const { schema, stack } = deployment({ audit: { suppressions: `${files}/suppressions` } });
    expect(schema._manifest.suppressions).toEqual([
      { id: 'invalid-index', object: 'public.t', reason: 'dropped in May', line: 2 },
    ]);
    expect(propertiesOf(stack)).toEqual(propertiesOf(none.stack));
    const assets = [none.schema, schema].map((each) => {
      const code = Template.fromStack(Stack.of(each)).findResources('AWS::Lambda::Function', {
        Properties: { Description: Match.stringLikeRegexp('answers questions') },
      });
      return JSON.stringify(Object.values(code)[0]!.Properties.Code);
    });
    expect(assets[0]).not.toBe(assets[1]);
  });
  it('carries the workload’s hash beside that of the migrations, which it leaves as it is', () => {
    const files = folderOf({
      'shop.sql': '-- role app; calls 3\nSELECT id FROM people WHERE name = $1;\n',
      'more.sql': 'SELECT 1 FROM people;\n',
    });
    const one = deployment({ workload: `${files}/shop.sql` });
    const both = deployment({ workload: [`${files}/shop.sql`, `${files}/more.sql`] });
    const without = deployment();
    expect(one.schema._manifest.workload?.statements).toEqual([
      { text: 'SELECT id FROM people WHERE name = $1', role: 'app', searchPath: null, calls: 3 },
    ]);
    expect(both.schema._manifest.workload?.statements).toHaveLength(2);
    expect(propertiesOf(one.stack).Workload).toBe(one.schema._manifest.workload?.hash);
    expect(propertiesOf(both.stack).Workload).not.toBe(propertiesOf(one.stack).Workload);
    expect(propertiesOf(without.stack)).not.toHaveProperty('Workload');
    const hashes = [one, both, without].map(({ stack }) => propertiesOf(stack).ManifestHash);
    expect(new Set(hashes).size).toBe(1);
  });

  it('takes a workload away only when it is told to, and that is an update', () => {
    const without = deployment();
    const removing = deployment({ removeWorkload: true });
    expect(without.schema._manifest).not.toHaveProperty('removesWorkload');
    expect(removing.schema._manifest.removesWorkload).toBe(true);
    expect(propertiesOf(without.stack)).not.toHaveProperty('RemoveWorkload');
    expect(propertiesOf(removing.stack).RemoveWorkload).toBe('true');
    const files = folderOf({ 'shop.sql': 'SELECT id FROM people;', 'empty.sql': '-- nothing\n' });
    expect(() => deployment({ workload: `${files}/shop.sql`, removeWorkload: true })).toThrow(
      'removeWorkload takes the workload away that workload gives',
    );
    expect(() => deployment({ workload: `${files}/empty.sql` })).toThrow('empty.sql has no statements');
  });

  it('names another target through the Data API', () => {
    const { stack } = deployment({}, { engine: 'aurora', dataApi: true }, (server) =>
      server.dataApi({ databaseName: 'people' }),
    );
    expect(JSON.stringify(propertiesOf(stack).Target)).toMatch(
      /"data-api:arn:".*:cluster:",.*RefCluster.*"\/people"/,
    );
  });

  it('waits for rules, endpoint, instances and the attachment of the secret', () => {
    const stack = new Stack(testApp(), 'All');
    const vpc = new ec2.Vpc(stack, 'Vpc', {
      natGateways: 0,
      subnetConfiguration: [{ name: 'Isolated', subnetType: ec2.SubnetType.PRIVATE_ISOLATED }],
    });
    const cluster = new rds.DatabaseCluster(stack, 'Cluster', {
      engine: rds.DatabaseClusterEngine.auroraPostgres({ version: rds.AuroraPostgresEngineVersion.VER_17_9 }),
      vpc,
      vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_ISOLATED },
      writer: rds.ClusterInstance.serverlessV2('Writer'),
    });
    new SchemaMigrations(stack, 'Schema', { database: SchemaDatabase.cluster(cluster), folder });
    const template = Template.fromStack(stack);
    const all = template.toJSON().Resources as Record<string, { Type: string }>;
    const { DependsOn = [] } = onlyResource(template, 'Custom::TrueupSchema');
    expect(DependsOn.map((id) => all[id]!.Type).sort()).toEqual([
      'AWS::EC2::SecurityGroupEgress',
      'AWS::EC2::SecurityGroupEgress',
      'AWS::EC2::SecurityGroupIngress',
      'AWS::EC2::SecurityGroupIngress',
      'AWS::EC2::VPCEndpoint',
      'AWS::RDS::DBInstance',
      'AWS::SecretsManager::SecretTargetAttachment',
    ]);
  });

  it('is what dependents wait for, and nothing else of the construct', () => {
    const { stack, schema } = deployment();
    new iam.Role(stack, 'Service', { assumedBy: new iam.AccountRootPrincipal() }).node.addDependency(schema);
    const template = Template.fromStack(stack);
    const [resource] = Object.keys(resourcesOf(template, 'Custom::TrueupSchema'));
    const roles = Object.entries(resourcesOf(template, 'AWS::IAM::Role'));
    expect(roles.find(([id]) => id.startsWith('Service'))![1].DependsOn).toEqual([resource]);
  });

  it('offers attributes, outputs and the command that follows the log', () => {
    const { stack, schema } = deployment();
    expect(stack.resolve(schema.position)).toEqual({ 'Fn::GetAtt': [expect.any(String), 'Position'] });
    const outputs = Object.entries(Template.fromStack(stack).findOutputs('*')).map(
      ([id, output]) => [id.replace(/^Schema|[0-9A-F]{8}$/g, ''), output.Value] as const,
    );
    expect(outputs.map(([id]) => id).sort()).toEqual([
      'Applied',
      'Kept',
      'LogCommand',
      'MigrateFunction',
      'Position',
      'QueryFunction',
      'Undone',
      'Warnings',
    ]);
    expect(JSON.stringify(Object.fromEntries(outputs).LogCommand)).toContain(
      '"aws logs tail ",{"Ref":"SchemaLog',
    );
    expect(Template.fromStack(deployment({ outputs: false }).stack).findOutputs('*')).toEqual({});
  });

  it('says which other namespaces belong to the same database', () => {
    const one = deployment();
    const properties = (scope: Stack) =>
      Object.values(Template.fromStack(scope).findResources('Custom::TrueupSchema')).map(({ Properties }) => [
        Properties.Namespace,
        Properties.OtherNamespaces,
      ]);
    const database = (databaseName: string) => one.server.database({ databaseName, createDatabase: true });
    const add = (scope: Stack, namespace: string, name = 'postgres') =>
      new SchemaMigrations(scope, namespace, { database: database(name), folder, ledgerName: namespace });
    const first = one.schema.database.databaseName;
    add(one.stack, 'orders', first);
    add(one.stack, 'billing', first);
    add(one.stack, 'elsewhere', 'other');
    const other = new Stack(one.app, 'Other');
    add(other, 'foreign', first);
    expect(properties(one.stack)).toEqual([
      ['people', ['billing', 'orders']],
      ['orders', ['billing', 'people']],
      ['billing', ['orders', 'people']],
      ['elsewhere', undefined],
    ]);
    expect(properties(other)).toEqual([['foreign', undefined]]);
  });

  it('gives CloudFormation and the framework more time than deploy, and deploy more than migrate', () => {
    const { stack } = deployment({ slice: Duration.seconds(10), totalTimeout: Duration.minutes(5) });
    const template = Template.fromStack(stack);
    template.hasResourceProperties('Custom::TrueupSchema', { ServiceTimeout: '420' });
    template.hasResourceProperties('AWS::Lambda::Function', { Handler: 'index.handler', Timeout: 40 });
    template.hasResourceProperties('AWS::Lambda::Function', {
      Handler: 'index.isComplete',
      Timeout: 840,
      Environment: {
        Variables: Match.objectLike({
          TRUEUP_SLICE_MS: '10000',
          TRUEUP_ANSWER_TIMEOUT_MS: '50000',
          TRUEUP_TIMEOUT_MS: '300000',
          TRUEUP_ROLLBACK_WAIT_MS: '300000',
          TRUEUP_LOG_GROUP: { Ref: Match.stringLikeRegexp('^SchemaLog') },
        }),
      },
    });
    const machine = JSON.stringify(onlyResource(template, 'AWS::StepFunctions::StateMachine').Properties);
    expect(machine).toContain(String.raw`\"IntervalSeconds\":5,\"MaxAttempts\":84`);
  });
});

it('works in a nested stack, and asks about that stack', () => {
  const parent = new Stack(testApp(), 'Parent');
  const nested = new NestedStack(parent, 'Nested');
  const vpc = new ec2.Vpc(parent, 'Vpc');
  new SchemaMigrations(nested, 'Schema', {
    folder,
    database: SchemaDatabase.existing({
      host: 'db.example',
      databaseName: 'app',
      vpc,
      securityGroups: [],
      secret: secretsmanager.Secret.fromSecretNameV2(parent, 'Secret', 'db'),
    }),
  });
  Template.fromStack(nested).hasResourceProperties('AWS::IAM::Policy', {
    PolicyDocument: Match.objectLike({
      Statement: Match.arrayWith([Match.objectLike({ Sid: 'OwnStack', Resource: { Ref: 'AWS::StackId' } })]),
    }),
  });
});

describe('the function migrate', () => {
  const migrate = (stack: Stack) =>
    Object.values(resourcesOf(Template.fromStack(stack), 'AWS::Lambda::Function')).find(
      ({ Properties }) => Properties.Handler === 'index.handler',
    )!.Properties;
  const variables = (stack: Stack) =>
    (migrate(stack).Environment as { Variables: Record<string, unknown> }).Variables;

  it('trusts the roots of the runtime, or those that it is given', async () => {
    expect(variables(deployment().stack)).toMatchObject({
      NODE_EXTRA_CA_CERTS: '/var/runtime/ca-cert.pem',
      NODE_OPTIONS: '--enable-source-maps',
      TRUEUP_AMAZON_ROOTS_FILE: 'amazon-roots.json',
    });
    const roots = `${folderOf({ 'own.pem': (await makeCertificates()).ca })}/own.pem`;
    const own = variables(deployment({}, {}, (server) => server.database({ trustedRoots: roots })).stack);
    expect(own.TRUEUP_ROOTS_FILE).toBe('roots.pem');
    expect(own).not.toHaveProperty('NODE_EXTRA_CA_CERTS');
    expect(own).not.toHaveProperty('TRUEUP_AMAZON_ROOTS_FILE');
  });

  it('is told of the admin secret only where it has something to make', () => {
    const withOptions = (options: Parameters<DatabaseStack['database']>[0]) =>
      variables(deployment({}, {}, (server) => server.database(options)).stack);
    expect(withOptions({ login: 'secret' })).toMatchObject({ TRUEUP_AUTH: 'secret' });
    expect(withOptions({ login: 'secret' })).not.toHaveProperty('TRUEUP_ADMIN_SECRET_ARN');
    expect(withOptions({ createDatabase: true })).toMatchObject({
      TRUEUP_LOGIN: 'own-unless-deployed',
      TRUEUP_USER: 'app_migrator',
      TRUEUP_ADMIN_SECRET_ARN: expect.anything(),
      TRUEUP_CREATE_DATABASE: 'true',
    });
    expect(withOptions({ auth: 'iam' })).toMatchObject({
      TRUEUP_AUTH: 'iam',
      TRUEUP_USER: 'app_migrator',
      TRUEUP_ADMIN_SECRET_ARN: expect.anything(),
    });
    expect(withOptions({ login: 'own', user: 'me' })).toMatchObject({
      TRUEUP_AUTH: 'iam',
      TRUEUP_LOGIN: 'own',
      TRUEUP_USER: 'me',
      TRUEUP_ADMIN_SECRET_ARN: expect.anything(),
    });
    expect(withOptions({ login: 'own', createUser: false })).not.toHaveProperty('TRUEUP_ADMIN_SECRET_ARN');
    expect(withOptions({ auth: 'iam', createUser: false })).not.toHaveProperty('TRUEUP_ADMIN_SECRET_ARN');
  });

  it('stays out of the VPC with the Data API', () => {
    const { stack } = deployment({}, { engine: 'aurora', dataApi: true }, (server) => server.dataApi());
    expect(migrate(stack)).not.toHaveProperty('VpcConfig');
    expect(resourcesOf(Template.fromStack(stack), 'AWS::EC2::SecurityGroup')).toEqual({});
  });
});

it('is known to the ledger by a name that lasts, in a nested stack too', () => {
  const ownerOf = (template: Template) => onlyResource(template, 'Custom::TrueupSchema').Properties.Owner;
  const { app, server, stack } = deployment();
  const parent = new Stack(app, 'Parent', { stackName: 'shop' });
  const nested = new NestedStack(new NestedStack(parent, 'Outer'), 'Inner');
  const database = server.database({ databaseName: 'nested' });
  new SchemaMigrations(nested, 'Schema', { database, folder });
  expect(ownerOf(Template.fromStack(nested))).toBe('shop/Outer/Inner');
  expect(ownerOf(Template.fromStack(stack))).toBeUndefined();
});

describe('the way to the database', () => {
  const vpcOf = (stack: Stack, ...types: ec2.SubnetType[]) =>
    new ec2.Vpc(stack, 'Vpc', {
      natGateways: types.includes(ec2.SubnetType.PUBLIC) ? 1 : 0,
      subnetConfiguration: types.map((subnetType) => ({ name: subnetType, subnetType })),
    });
  const existing = (
    stack: Stack,
    vpc: ec2.IVpc,
    options: Partial<Parameters<typeof SchemaDatabase.existing>[0]>,
  ) =>
    new SchemaMigrations(stack, `Schema${stack.node.children.length}`, {
      folder,
      ledgerName: `n${stack.node.children.length}`,
      database: SchemaDatabase.existing({
        host: 'db.example',
        databaseName: 'app',
        vpc,
        securityGroups: [
          ec2.SecurityGroup.fromSecurityGroupId(
            stack,
            `Sg${stack.node.children.length}`,
            'sg-0123456789abcdef0',
          ),
        ],
        secret: secretsmanager.Secret.fromSecretNameV2(stack, `Secret${stack.node.children.length}`, 'db'),
        ...options,
      }),
    });
  const endpoints = (stack: Stack) => resourcesOf(Template.fromStack(stack), 'AWS::EC2::VPCEndpoint');

  it('is opened from the function to the port, and to nothing else', () => {
    const stack = new Stack(testApp(), 'App');
    existing(stack, vpcOf(stack, ec2.SubnetType.PRIVATE_ISOLATED), { port: 6543 });
    const template = Template.fromStack(stack);
    template.hasResourceProperties('AWS::EC2::SecurityGroupIngress', {
      GroupId: 'sg-0123456789abcdef0',
      FromPort: 6543,
      ToPort: 6543,
      SourceSecurityGroupId: Match.anyValue(),
    });
    const egress = Object.values(resourcesOf(template, 'AWS::EC2::SecurityGroupEgress'));
    expect(egress.map(({ Properties }) => Properties.ToPort).sort()).toEqual([443, 6543]);
    for (const { Properties } of egress) expect(Properties.DestinationSecurityGroupId).toBeDefined();
  });

  it('leaves the rules of the database alone where it is told to', () => {
    const stack = new Stack(testApp(), 'App');
    existing(stack, vpcOf(stack, ec2.SubnetType.PRIVATE_ISOLATED), { openPorts: false });
    const ingress = Object.values(resourcesOf(Template.fromStack(stack), 'AWS::EC2::SecurityGroupIngress'));
    expect(ingress.map(({ Properties }) => Properties.ToPort)).toEqual([443]);
  });

  it('has one endpoint for Secrets Manager, however many schemas there are', () => {
    const stack = new Stack(testApp(), 'App');
    const vpc = vpcOf(stack, ec2.SubnetType.PRIVATE_ISOLATED);
    existing(stack, vpc, {});
    existing(stack, vpc, {});
    expect(Object.keys(endpoints(stack))).toHaveLength(1);
  });

  it('uses an endpoint that somebody else made, wherever in the stack', () => {
    const stack = new Stack(testApp(), 'App');
    const vpc = vpcOf(stack, ec2.SubnetType.PRIVATE_ISOLATED);
    new ec2.InterfaceVpcEndpoint(stack, 'Theirs', {
      vpc,
      service: ec2.InterfaceVpcEndpointAwsService.SECRETS_MANAGER,
    });
    existing(stack, vpc, {});
    expect(Object.keys(endpoints(stack))).toEqual([expect.stringMatching(/^Theirs/)]);
  });

  it('uses one of a third stack, and one that is a bare resource', () => {
    const app = testApp();
    const stack = new Stack(app, 'App');
    const vpc = vpcOf(stack, ec2.SubnetType.PRIVATE_ISOLATED);
    const third = new Stack(app, 'Endpoints');
    new ec2.CfnVPCEndpoint(third, 'Theirs', {
      vpcId: vpc.vpcId,
      serviceName: `com.amazonaws.${third.region}.secretsmanager`,
      vpcEndpointType: 'Interface',
      securityGroupIds: ['sg-0aaaaaaaaaaaaaaa0'],
    });
    const other = new Stack(app, 'Other');
    existing(other, vpc, {});
    app.synth();
    expect([endpoints(stack), endpoints(other)]).toEqual([{}, {}]);
    Template.fromStack(other).hasResourceProperties('AWS::EC2::SecurityGroupEgress', {
      DestinationSecurityGroupId: 'sg-0aaaaaaaaaaaaaaa0',
      ToPort: 443,
    });
  });

  it('refuses a second endpoint that is declared later, but not one without the private name', () => {
    const declare = (privateDnsEnabled: boolean) => {
      const app = testApp();
      const stack = new Stack(app, 'App');
      const vpc = vpcOf(stack, ec2.SubnetType.PRIVATE_ISOLATED);
      existing(stack, vpc, {});
      new ec2.InterfaceVpcEndpoint(new Stack(app, 'Later'), 'Theirs', {
        vpc,
        service: ec2.InterfaceVpcEndpointAwsService.SECRETS_MANAGER,
        privateDnsEnabled,
      });
      return () => app.synth();
    };
    expect(declare(true)).toThrow(/Later\/Theirs\/Resource is a second endpoint for Secrets Manager/);
    expect(declare(false)).not.toThrow();
  });

  it('has no way to Secrets Manager from public subnets either', () => {
    const own = new Stack(testApp(), 'App');
    existing(own, vpcOf(own, ec2.SubnetType.PUBLIC), {});
    expect(Object.keys(endpoints(own))).toHaveLength(1);
    const theirs = new Stack(testApp(), 'App');
    const vpc = ec2.Vpc.fromVpcAttributes(theirs, 'Default', {
      vpcId: 'vpc-0123456789abcdef0',
      availabilityZones: ['a', 'b'],
      publicSubnetIds: ['subnet-0123456789abcdef0', 'subnet-0123456789abcdef1'],
    });
    existing(theirs, vpc, {});
    Annotations.fromStack(theirs).hasWarning('*', Match.stringLikeRegexp('no public address'));
  });

  it('needs no endpoint through NAT, without a secret, or where it is refused', () => {
    const withNat = new Stack(testApp(), 'App');
    existing(withNat, vpcOf(withNat, ec2.SubnetType.PUBLIC, ec2.SubnetType.PRIVATE_WITH_EGRESS), {});
    expect(endpoints(withNat)).toEqual({});
    Template.fromStack(withNat).hasResourceProperties('AWS::EC2::SecurityGroup', {
      SecurityGroupEgress: [Match.objectLike({ CidrIp: '0.0.0.0/0', FromPort: 443, ToPort: 443 })],
    });
    const withoutSecret = new Stack(testApp(), 'App');
    existing(withoutSecret, vpcOf(withoutSecret, ec2.SubnetType.PRIVATE_ISOLATED), {
      auth: 'iam',
      createUser: false,
      resourceId: 'db-ABC',
      secret: undefined,
    });
    expect(endpoints(withoutSecret)).toEqual({});
    const refused = new Stack(testApp(), 'App');
    existing(refused, vpcOf(refused, ec2.SubnetType.PRIVATE_ISOLATED), {
      createSecretsManagerEndpoint: false,
    });
    expect(endpoints(refused)).toEqual({});
  });

  it('gets an endpoint in a VPC of somebody else only when asked for', () => {
    const imported = (stack: Stack) =>
      ec2.Vpc.fromVpcAttributes(stack, 'Vpc', {
        vpcId: 'vpc-0123456789abcdef0',
        vpcCidrBlock: '10.0.0.0/16',
        availabilityZones: ['a', 'b'],
        isolatedSubnetIds: ['subnet-0123456789abcdef0', 'subnet-0123456789abcdef1'],
        isolatedSubnetRouteTableIds: ['rtb-0123456789abcdef0', 'rtb-0123456789abcdef1'],
      });
    const silent = new Stack(testApp(), 'App');
    existing(silent, imported(silent), {});
    expect(endpoints(silent)).toEqual({});
    Annotations.fromStack(silent).hasWarning(
      '*',
      Match.stringLikeRegexp('Set createSecretsManagerEndpoint: true to create one'),
    );
    const knowing = new Stack(testApp(), 'App');
    existing(knowing, imported(knowing), { createSecretsManagerEndpoint: false });
    Annotations.fromStack(knowing).hasNoWarning('*', Match.anyValue());
    const asked = new Stack(testApp(), 'App');
    existing(asked, imported(asked), { createSecretsManagerEndpoint: true });
    expect(Object.keys(endpoints(asked))).toHaveLength(1);
  });
});
