import { join } from 'node:path';
import { Duration, Stack } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as logs from 'aws-cdk-lib/aws-logs';
import { describe, expect, it } from 'vitest';
import { SchemaAlarms } from '../../../lib/constructs/alarms/schema-alarms';
import { SchemaDatabase } from '../../../lib/constructs/database/schema-database';
import { FleetCheck } from '../../../lib/constructs/fleet/fleet-check';
import { SchemaFleet } from '../../../lib/constructs/fleet/schema-fleet';
import type { SchemaFleetProps } from '../../../lib/constructs/fleet/schema-fleet-props';
import { buildFleetStates } from '../../../lib/constructs/fleet/states';
import { FleetTenants } from '../../../lib/constructs/fleet/tenants';
import { SchemaMigrations } from '../../../lib/constructs/migrations/schema-migrations';
import { DatabaseStack } from '../../../lib/stacks/database-stack';
import { compileFilterPattern } from '../../support/filter-pattern';
import { fleetDeployment } from '../../support/fleet';
import {
  folderOf,
  nagFindings,
  onlyResource,
  PEOPLE,
  PEOPLE_FOLDER,
  resourcesOf,
  testApp,
} from '../../support/synth';

describe('a fleet, synthesized', () => {
  it('passes cdk-nag', () => {
    expect(nagFindings(fleetDeployment().app)).toEqual([]);
  });

  it('lets somebody ask who cannot migrate', () => {
    const { stack, fleet } = fleetDeployment();
    const role = new iam.Role(stack, 'Support', { assumedBy: new iam.AccountRootPrincipal() });
    fleet.grantQuery(role);
    const template = Template.fromStack(stack);
    const functions = resourcesOf(template, 'AWS::Lambda::Function');
    const [[asks], [leads]] = ['Query', 'Up'].map((id) =>
      Object.keys(functions).filter((each) => new RegExp(`^TenantsDeploy${id}[0-9A-F]{8}$`).test(each)),
    ) as [[string], [string]];
    const variables = (id: string) =>
      (functions[id]!.Properties.Environment as { Variables: Record<string, unknown> }).Variables;
    expect(variables(asks).TRUEUP_FLEET_QUERY_ONLY).toBe('true');
    expect(variables(leads)).not.toHaveProperty('TRUEUP_FLEET_QUERY_ONLY');
    const policies = Object.entries(resourcesOf(template, 'AWS::IAM::Policy')).filter(([id]) =>
      id.startsWith('Support'),
    );
    expect(policies.map(([, { Properties }]) => Properties.PolicyDocument)).toMatchObject([
      {
        Statement: [
          { Action: 'lambda:InvokeFunction', Effect: 'Allow', Resource: { 'Fn::GetAtt': [asks, 'Arn'] } },
        ],
      },
    ]);
    template.hasOutput('*', {
      Description: 'Function for trueup status --fleet of the fleet people',
      Value: { Ref: asks },
    });
  });

  it('keeps the lists: encrypted, over TLS only, for 30 days, and when the stack goes', () => {
    const template = Template.fromStack(fleetDeployment().stack);
    const bucket = onlyResource(template, 'AWS::S3::Bucket');
    expect(bucket).toMatchObject({ DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' });
    expect(bucket.Properties).toMatchObject({
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
      },
      LifecycleConfiguration: { Rules: [{ ExpirationInDays: 30, Status: 'Enabled' }] },
      PublicAccessBlockConfiguration: { BlockPublicAcls: true, RestrictPublicBuckets: true },
    });
    template.hasResourceProperties('AWS::S3::BucketPolicy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
        ]),
      },
    });
  });

  it('has a function and a branch for each server, and one state machine', () => {
    const { app, server, stack } = fleetDeployment();
    const other = new DatabaseStack(app, 'Other', { vpc: server.vpc });
    const two = new Stack(app, 'Two');
    const fleet = new SchemaFleet(two, 'Tenants', {
      servers: { main: server.database(), eu: other.database() },
      tenants: [
        FleetTenants.schemas({ server: 'eu', database: 'shop', pattern: '*', exclude: ['public'] }),
        FleetTenants.query({ server: 'main', database: 'control', sql: 'SELECT name FROM tenants' }),
      ],
      folder: PEOPLE_FOLDER,
      ledgerName: 'two',
      maxConcurrency: 4,
    });
    expect(Object.keys(fleet.migrateFunctions)).toEqual(['main', 'eu']);
    const definition = JSON.stringify(machineOf(two));
    expect(definition).toContain('Tenants of main');
    expect(definition).toContain('Tenants of eu');
    expect(definition).toContain('\\"MaxConcurrency\\":4');
    expect(JSON.stringify(machineOf(stack))).toContain('\\"MaxConcurrency\\":8');
  });

  it('waits for the run before what depends on it', () => {
    const { stack, fleet } = fleetDeployment();
    const service = new Stack(stack, 'Nested');
    service.node.addDependency(fleet);
    const resource = onlyResource(Template.fromStack(stack), 'Custom::TrueupFleet');
    const depends = (resource.DependsOn ?? []).join(' ');
    for (const part of ['FleetRun', 'FleetMapPolicy', 'FleetLists', 'Servermain'])
      expect(depends).toContain(part);
    expect(resource.Properties).toMatchObject({
      Namespace: 'people',
      Fleet: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });

  it('runs again when what is planned changes, and not otherwise', () => {
    const properties = (props: Parameters<typeof fleetDeployment>[0]) => {
      const { ForceRunToken, Fleet } = onlyResource(
        Template.fromStack(fleetDeployment(props).stack),
        'Custom::TrueupFleet',
      ).Properties;
      return JSON.stringify([ForceRunToken, Fleet]);
    };
    expect(properties({})).toBe(properties({}));
    for (const change of [
      { canary: ['tenant_a'] },
      { maxFailures: 1 },
      { databases: ['tenant_*'] },
      { tenantSecrets: { prefix: 'acme/' } },
      { waves: [10, 50] },
      { sharedSchemas: ['common'] },
      { tenantTimeout: Duration.minutes(2) },
      { tenants: [FleetTenants.databases({ pattern: 'x_*' })] },
    ])
      expect(properties(change)).not.toBe(properties({}));
  });
});

describe('what the functions carry', () => {
  const codeOf = (props: Parameters<typeof fleetDeployment>[0]) => {
    const { fleet } = fleetDeployment(props);
    const { code } = fleet._servers[0]!.file;
    return code;
  };
  it('another workload, folder or schema is other code', () => {
    const workload = join(folderOf({ 'a.sql': '-- calls 1\nSELECT name FROM people;\n' }), 'a.sql');
    const plain = codeOf({});
    expect(plain).toMatch(/^[0-9a-f]{64}$/);
    expect(codeOf({})).toBe(plain);
    for (const change of [
      { workload },
      { sharedSchemas: ['common'] },
      { folder: folderOf({ '0001_people.sql': `${PEOPLE}\nSELECT 1;` }) },
    ])
      expect(codeOf(change)).not.toBe(plain);
  });
});

const machineOf = (stack: Stack): unknown =>
  Object.entries(resourcesOf(Template.fromStack(stack), 'AWS::StepFunctions::StateMachine'))
    .filter(([id]) => id.startsWith('TenantsFleetRun'))
    .map(([, { Properties }]) => Properties.DefinitionString)[0];

describe('permissions', () => {
  const statements = (part: string) =>
    Object.entries(resourcesOf(Template.fromStack(fleetDeployment().stack), 'AWS::IAM::Policy'))
      .filter(([id]) => id.includes(part))
      .flatMap(
        ([, { Properties }]) =>
          (Properties.PolicyDocument as { Statement: { Sid?: string; Action: unknown; Resource: unknown }[] })
            .Statement,
      );

  it('of the run: its own functions, its own objects, its own children', () => {
    const bySid = Object.fromEntries(
      [...statements('FleetRunRole'), ...statements('FleetMapPolicy')].map((each) => [each.Sid, each]),
    );
    expect(Object.keys(bySid).sort()).toEqual(['Children', 'Functions', 'ListsAndResults', 'OfAChild']);
    expect(JSON.stringify(bySid.Functions)).not.toContain('*');
    expect(JSON.stringify(bySid.ListsAndResults!.Resource)).toContain('/runs/*');
    expect(JSON.stringify(bySid.Children!.Resource)).not.toContain('*');
    expect(JSON.stringify(bySid.OfAChild!.Resource)).toMatch(/execution:.*TenantsFleetRun/);
  });

  it('nothing that leads the run may reach a database, a secret or anything of another fleet', () => {
    for (const role of ['FleetTallyRole', 'DeployProviderIsCompleteRole', 'DeployFleetRole']) {
      const found = statements(role);
      expect(found.length, role).toBeGreaterThan(0);
      for (const { Action, Resource } of found) {
        expect(JSON.stringify(Action)).not.toMatch(/secretsmanager|rds|ec2|\*/);
        expect(Resource, role).not.toBe('*');
      }
    }
  });

  it("a server's function reads secrets of tenants below the declared prefix, and there is a way to them", () => {
    const key = (stack: Stack) =>
      kms.Key.fromKeyArn(stack, 'Key', 'arn:aws:kms:us-east-1:111122223333:key/1');
    const app = testApp();
    const server = new DatabaseStack(app, 'Server');
    const stack = new Stack(app, 'App');
    const fleet = new SchemaFleet(stack, 'Tenants', {
      servers: { main: server.database({ auth: 'iam' }) },
      tenants: [FleetTenants.list({ bucket: 'tenants', key: 'tenants.jsonl' })],
      folder: PEOPLE_FOLDER,
      ledgerName: 'people',
      tenantSecrets: { prefix: 'acme/tenants/', encryptionKey: key(stack) },
    });
    new FleetCheck(stack, 'Check', { fleet });
    const template = Template.fromStack(stack);
    const found = Object.entries(resourcesOf(template, 'AWS::IAM::Policy')).flatMap(([id, { Properties }]) =>
      (
        Properties.PolicyDocument as { Statement: { Sid?: string; Action: unknown; Resource: unknown }[] }
      ).Statement.filter(({ Sid }) => Sid?.includes('TenantSecrets')).map((each) => ({
        id,
        ...each,
      })),
    );
    expect(found.map(({ id, Sid }) => [id.startsWith('TenantsServermain'), Sid])).toEqual([
      [true, 'ReadTenantSecrets'],
      [true, 'DecryptTenantSecrets'],
    ]);
    expect(JSON.stringify(found[0]!.Resource)).toMatch(/:secretsmanager:.*:secret:acme\/tenants\/\*"\]\]/);
    expect(found[1]).toMatchObject({
      Condition: { StringEquals: { 'kms:ViaService': expect.anything() } },
    });
    expect(nagFindings(app)).toEqual([]);

    const reached = (tenantSecrets?: SchemaFleetProps['tenantSecrets']) => {
      const apart = testApp();
      const of = new Stack(apart, 'App');
      const { vpc } = new DatabaseStack(apart, 'Server');
      const byToken = SchemaDatabase.existing({
        host: 'db.example',
        databaseName: 'app',
        vpc,
        securityGroups: [],
        auth: 'iam',
        resourceId: 'db-ABC',
        createUser: false,
      });
      new SchemaFleet(of, 'Tenants', {
        servers: { main: byToken },
        tenants: [FleetTenants.databases({ pattern: '*' })],
        folder: PEOPLE_FOLDER,
        ledgerName: 'people',
        tenantSecrets,
      });
      return JSON.stringify(Template.fromStack(of).toJSON()).includes('Trueup to SecretsManager');
    };
    expect([reached(), reached({ prefix: 'acme/' })]).toEqual([false, true]);
  });

  it("with several servers each function reads the secrets of its own server's tenants only", () => {
    const app = testApp();
    const stack = new Stack(app, 'App');
    const first = new DatabaseStack(app, 'First');
    const second = new DatabaseStack(app, 'Second', { vpc: first.vpc });
    const make = (id: string, prefix: string | Record<string, string>) =>
      new SchemaFleet(stack, id, {
        servers: { main: first.database({ auth: 'iam' }), eu: second.database({ auth: 'iam' }) },
        tenants: [FleetTenants.list({ bucket: 'tenants', key: 'tenants.jsonl' })],
        folder: PEOPLE_FOLDER,
        ledgerName: id.toLowerCase(),
        tenantSecrets: { prefix },
      });
    expect(() => make('One', 'acme/')).toThrow(
      "tenantSecrets.prefix is one for 2 servers. Give each server its own, so that no server's function can read the secrets of another server's tenants, e.g. { main: 'acme/main/', eu: 'acme/eu/' }",
    );
    expect(() => make('Within', { main: 'acme/', eu: 'acme/eu/' })).toThrow(
      'prefix.eu begins with that of main',
    );
    expect(() => make('Stranger', { us: 'acme/' })).toThrow('names "us", which is no server');
    make('Each', { main: 'acme/main/', eu: 'acme/eu/' });
    make('Some', { eu: 'acme/eu/' });
    const reads = Object.entries(resourcesOf(Template.fromStack(stack), 'AWS::IAM::Policy')).flatMap(
      ([id, { Properties }]) =>
        (Properties.PolicyDocument as { Statement: { Sid?: string; Resource: unknown }[] }).Statement.filter(
          ({ Sid }) => Sid === 'ReadTenantSecrets',
        ).map(({ Resource }) => [
          id.replace(/Role.*$/, ''),
          /secret:(.*?)"/.exec(JSON.stringify(Resource))?.[1],
        ]),
    );
    expect(reads.sort()).toEqual([
      ['EachServereu', 'acme/eu/*'],
      ['EachServermain', 'acme/main/*'],
      ['SomeServereu', 'acme/eu/*'],
    ]);
  });

  it('a schema may not have the namespace of a fleet on one of its servers, whichever is made first', () => {
    const folder = PEOPLE_FOLDER;
    const app = testApp();
    const server = new DatabaseStack(app, 'Server');
    const stack = new Stack(app, 'App');
    const fleet = (id: string, namespace: string) =>
      new SchemaFleet(stack, id, {
        servers: { main: server.database() },
        tenants: [FleetTenants.databases({ pattern: 'tenant_*' })],
        folder,
        ledgerName: namespace,
      });
    const schema = (id: string, namespace: string) =>
      new SchemaMigrations(stack, id, {
        database: server.database({ databaseName: 'own' }),
        folder,
        ledgerName: namespace,
      });
    fleet('Fleet', 'a');
    expect(() => schema('Schema', 'a')).toThrow(
      "App/Fleet is a fleet on the server of App/Schema, with the same ledger name: a tenant's ledger could not tell them apart.",
    );
    schema('Other', 'b');
    expect(() => fleet('Late', 'b')).toThrow('App/Late is a fleet on the server of App/Other');
  });

  it('the function of a server reads no bucket and starts no run', () => {
    for (const { Action } of statements('ServermainRole'))
      expect(JSON.stringify(Action)).not.toMatch(/s3:|states:/);
  });
});

describe('the numbers that synth says', () => {
  const said = (props: Parameters<typeof fleetDeployment>[0]) => {
    const { stack } = fleetDeployment(props);
    const found = Annotations.fromStack(stack);
    const texts = (kind: 'findInfo' | 'findWarning') =>
      found[kind]('/App/Tenants', Match.anyValue()).map(({ entry }) => String(entry.data));
    return { info: texts('findInfo').join('\n'), warning: texts('findWarning').join('\n') };
  };

  it('without a number of tenants: how many fit', () => {
    expect(said({}).info).toContain(
      '8 tenants at once on each of 1 server, 30 s each: about 912 tenants fit in the hour',
    );
    expect(said({}).warning).not.toContain('tenants at once');
  });

  it('with one that fits: nothing to warn of; with one that does not: a warning with the numbers', () => {
    expect(said({ expectedTenants: 500 }).warning).not.toContain('minutes');
    const { warning } = said({ expectedTenants: 10_000 });
    expect(warning).toContain('10000 tenants, 8 tenants at once on each of 1 server, 30 s each, take 6');
    expect(warning).toContain('totalTimeout is 50. Each server needs 80 free connections');
    expect(warning).toContain(
      "raise maxConcurrency, spread them over more servers, or set waitFor: 'canary'",
    );
  });

  it('tolerated failures', () => {
    expect(said({ maxFailures: 3 }).warning).toContain('while up to 3 tenants are behind');
  });
});

describe('alarms', () => {
  const watched = (props: Parameters<typeof fleetDeployment>[0] = {}) => {
    const app = testApp();
    const server = new DatabaseStack(app, 'Server');
    const stack = new Stack(app, 'App');
    const control = new SchemaMigrations(stack, 'Control', {
      database: server.database(),
      folder: PEOPLE_FOLDER,
      ledgerName: 'control',
    });
    const alarms = new SchemaAlarms(stack, 'Alarms', {
      databaseLogGroup: logs.LogGroup.fromLogGroupName(stack, 'DatabaseLog', server.logGroupName),
      schemas: [control],
    });
    new SchemaFleet(stack, 'Tenants', {
      servers: { main: server.database() },
      tenants: [FleetTenants.databases({ pattern: 'tenant_*' })],
      folder: PEOPLE_FOLDER,
      ledgerName: 'people',
      alarms,
      ...props,
    });
    return { app, stack };
  };
  const propertiesOf = (stack: Stack, type: string) =>
    Object.values(resourcesOf(Template.fromStack(stack), type)).map(({ Properties }) => Properties);

  it('on a deployment that failed, a run that stopped or broke; a run that was aborted is nobody else than us', () => {
    const { app, stack } = watched({ waitFor: 'canary' });
    const alarms = propertiesOf(stack, 'AWS::CloudWatch::Alarm').filter(({ AlarmDescription }) =>
      JSON.stringify(AlarmDescription).includes('fleet people'),
    );
    const machine = Object.keys(
      resourcesOf(Template.fromStack(stack), 'AWS::StepFunctions::StateMachine'),
    ).filter((id) => id.startsWith('TenantsFleetRun'))[0];
    expect(alarms.map(({ MetricName }) => MetricName)).toEqual([
      expect.stringMatching(/^fleet-failed-/),
      expect.stringMatching(/^fleet-kept-/),
      'ExecutionsFailed',
    ]);
    expect(alarms[2]).toMatchObject({
      Namespace: 'AWS/States',
      Dimensions: [{ Name: 'StateMachineArn', Value: { Ref: machine } }],
      Statistic: 'Sum',
      TreatMissingData: 'notBreaching',
    });
    for (const { AlarmDescription } of alarms)
      expect(JSON.stringify(AlarmDescription)).toContain('npx trueup status --stack App --fleet');
    expect(JSON.stringify(alarms)).not.toContain('ExecutionsAborted');
    expect(nagFindings(app)).toEqual([]);
  });

  it('counts the lines that our functions write, and no other', () => {
    const patterns = propertiesOf(watched().stack, 'AWS::Logs::MetricFilter')
      .filter(({ MetricTransformations }) => JSON.stringify(MetricTransformations).includes('"fleet-failed-'))
      .map(({ FilterPattern }) => compileFilterPattern(FilterPattern as string));
    expect(patterns).toHaveLength(2);
    const counted = (line: object) => patterns.filter((matches) => matches(JSON.stringify(line))).length;
    expect(counted({ event: 'deployment-ended', outcome: 'failed' })).toBe(1);
    for (const outcome of ['done', 'broke']) expect(counted({ event: 'deployment-ended', outcome })).toBe(0);
    expect(counted({ event: 'fleet-run-ended', by: 'deployment', outcome: 'stopped' })).toBe(1);
    for (const outcome of ['done', 'superseded'])
      expect(counted({ event: 'fleet-run-ended', by: 'deployment', outcome })).toBe(0);
    // Whoever asked for it sees how it ends.
    for (const by of ['up', 'status'])
      expect(counted({ event: 'fleet-run-ended', by, outcome: 'stopped' })).toBe(0);
  });

  it('without them a run that nobody waits for is warned of', () => {
    const warnings = (props: Parameters<typeof fleetDeployment>[0]) =>
      Annotations.fromStack(fleetDeployment(props).stack)
        .findWarning('/App/Tenants', Match.stringLikeRegexp('failures of the other waves are not reported'))
        .map(({ entry }) => String(entry.data));
    expect(warnings({ waitFor: 'canary' })).toEqual([expect.stringContaining('Set `alarms`.')]);
    expect(warnings({})).toEqual([]);
  });
});

describe('refused at synth', () => {
  it.each([
    [
      'a source without a server, of several',
      (server: DatabaseStack, other: DatabaseStack) => ({
        servers: { a: server.database(), b: other.database() },
      }),
      'tenants[0] names no server, and the fleet has a, b',
    ],
    [
      'a server under two names',
      (server: DatabaseStack) => ({ servers: { a: server.database(), b: server.database() } }),
      'servers.b is the server of servers.a; it must be in the fleet once',
    ],
    [
      'a source of a server that is not there',
      () => ({ tenants: [FleetTenants.databases({ server: 'eu', pattern: '*' })] }),
      'tenants[0] names the server eu, and the fleet has main',
    ],
    ['no server', () => ({ servers: {} }), 'servers has 0 servers; it must have 1 to 30'],
    [
      "a server's name that is part of a path",
      (server: DatabaseStack) => ({ servers: { 'a/b': server.database() } }),
      'must be the name of a server of the fleet',
    ],
    [
      'a database to be made',
      (server: DatabaseStack) => ({ servers: { main: server.database({ createDatabase: true }) } }),
      'servers.main has createDatabase',
    ],
    [
      'a prefix of secrets that another name could begin with',
      () => ({ tenantSecrets: { prefix: 'acme/tenants' } }),
      'must be how names of secrets begin, with a slash at the end',
    ],
    [
      "schemas of the server's own database",
      () => ({ tenants: [FleetTenants.schemas({ database: 'postgres', pattern: '*' })] }),
      'database is postgres, which belongs to the server; it must be a database that has tenants',
    ],
    ['no tenants', () => ({ tenants: [] }), 'must have at least one FleetTenants'],
    ['too many waves', () => ({ waves: Array(21).fill(1) }), 'waves has 21 items; it must have at most 20'],
    ['a wave of more than all', () => ({ waves: [101] }), 'must be a whole number from 1 to 100'],
  ])('%s', (_, props, message) => {
    const { app, server } = fleetDeployment();
    const other = new DatabaseStack(app, 'Other', { vpc: server.vpc });
    const make = () =>
      new SchemaFleet(new Stack(app, 'Refused'), 'Tenants', {
        servers: { main: server.database() },
        tenants: [FleetTenants.databases({ pattern: 'tenant_*' })],
        folder: PEOPLE_FOLDER,
        ledgerName: 'refused',
        ...props(server, other),
      });
    expect(make).toThrow(message);
  });

  it('servers of two VPCs', () => {
    const { app, server, stack } = fleetDeployment();
    const other = new DatabaseStack(app, 'Elsewhere');
    expect(
      () =>
        new SchemaFleet(stack, 'Two', {
          servers: { main: server.database(), eu: other.database() },
          tenants: [FleetTenants.databases({ server: 'main', pattern: '*' })],
          folder: PEOPLE_FOLDER,
          ledgerName: 'vpcs',
        }),
    ).toThrow('servers.eu is in another VPC');
  });

  it('two fleets of one namespace on one server', () => {
    const { server, stack } = fleetDeployment();
    expect(
      () =>
        new SchemaFleet(stack, 'Again', {
          servers: { main: server.database() },
          tenants: [FleetTenants.databases({ pattern: '*' })],
          folder: PEOPLE_FOLDER,
          ledgerName: 'people',
        }),
    ).toThrow('use the same ledger');
  });
});

describe('the state machine', () => {
  const states = buildFleetStates({
    bucket: 'lists',
    servers: ['main', 'eu'].map((name) => ({ name, functionArn: `arn:${name}` })),
    tallyArn: 'arn:tally',
    concurrency: 8,
  }) as { States: Record<string, { Branches?: { States: Record<string, object> }[] }> };

  it('names each state once, as Step Functions asks', () => {
    const names: string[] = [];
    const walk = (value: unknown): void => {
      if (typeof value !== 'object' || value === null) return;
      for (const [key, each] of Object.entries(value)) {
        if (key === 'States') names.push(...Object.keys(each as object));
        walk(each);
      }
    };
    walk(states);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toHaveLength(4 + 2 * 12);
    for (const name of names) expect(name.length).toBeLessThanOrEqual(80);
  });

  it('uses nothing that the local AWS ignores, and no end by time: what is late is stopped by who watches it', () => {
    const text = JSON.stringify(states);
    for (const word of [
      'ItemBatcher',
      'Timeout',
      'Heartbeat',
      'ConcurrencyPath',
      'PercentagePath',
      'FailureCount',
    ])
      expect(text).not.toContain(word);
  });

  it('counts once more where counting did not come to its end', () => {
    const retried = { ErrorEquals: ['States.TaskFailed'] };
    expect(states.States.Tally).toMatchObject({
      Retry: expect.arrayContaining([expect.objectContaining(retried)]),
    });
    expect(JSON.stringify(states.States.Wave)).not.toContain('States.TaskFailed');
  });

  it('has a literal concurrency, a label, results in the bucket and a Catch in each branch', () => {
    for (const [i, server] of ['main', 'eu'].entries())
      expect(states.States.Wave!.Branches![i]!.States[`Tenants of ${server}`]).toMatchObject({
        Label: server,
        MaxConcurrency: 8,
        ToleratedFailurePercentage: 100,
        ItemReader: { Parameters: { Bucket: 'lists', 'Key.$': `$.lists.${server}` } },
        ResultWriter: { Parameters: { Bucket: 'lists', 'Prefix.$': '$.results' } },
        ItemProcessor: { ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' } },
        Catch: [{ ErrorEquals: ['States.ALL'] }],
      });
  });

  it('tries again what Lambda did not take, and a map that had no rights yet; never a tenant that failed', () => {
    const tried = [...JSON.stringify(states).matchAll(/"ErrorEquals":(\[[^\]]*\]),"IntervalSeconds"/g)].map(
      ([, errors]) => errors,
    );
    const lambda =
      '["Lambda.TooManyRequestsException","Lambda.ServiceException","Lambda.SdkClientException"]';
    const map = '["States.Permissions","States.ItemReaderFailed","States.ResultWriterFailed"]';
    expect([...tried].sort()).toEqual([lambda, lambda, lambda, map, map, '["States.TaskFailed"]']);
  });
});
