import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { beforeAll, describe, expect, it } from 'vitest';
import { SchemaDatabase } from '../../../lib/constructs/database/schema-database';
import { bundleHandler, type HandlerName } from '../../../lib/constructs/functions/bundle';
import { SchemaMigrations } from '../../../lib/constructs/migrations/schema-migrations';
import { makeCertificates } from '../../support/certificates';
import { folderOf, PEOPLE, temporaryFolder, testApp } from '../../support/synth';

const ROOT = resolve(__dirname, '../../..');

let root: string;
beforeAll(async () => {
  root = (await makeCertificates()).ca;
});

function schemaIn(app: App, sql = PEOPLE): SchemaMigrations {
  const stack = new Stack(app, 'App');
  return new SchemaMigrations(stack, 'Schema', {
    folder: folderOf({ '0001_people.sql': sql }),
    ledgerName: 'people',
    database: SchemaDatabase.existing({
      host: 'db.example',
      databaseName: 'app',
      vpc: new ec2.Vpc(stack, 'Vpc'),
      securityGroups: [],
      auth: 'iam',
      createUser: false,
      resourceId: 'db-ABC',
      trustedRoots: join(folderOf({ 'own.pem': root }), 'own.pem'),
    }),
  });
}

/** Handler to the key of its asset. */
function assetsOf(schema: SchemaMigrations): Record<string, string> {
  const functions = Template.fromStack(Stack.of(schema)).findResources('AWS::Lambda::Function');
  return Object.fromEntries(
    Object.values(functions).map(({ Properties }) => [
      Properties.Handler,
      Properties.Code.S3Key.replace('.zip', ''),
    ]),
  );
}

describe('the assets', () => {
  it('hold the handler, its source map, the manifest and the roots', () => {
    const app = testApp({ bundle: true });
    const schema = schemaIn(app);
    const key = assetsOf(schema)['index.handler'];
    const folder = join(app.outdir, `asset.${key}`);
    expect(readdirSync(folder).sort()).toEqual(['index.js', 'index.js.map', 'manifest.json', 'roots.pem']);
    expect(JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'))).toEqual(schema._manifest);
    expect(readFileSync(join(folder, 'roots.pem'), 'utf8')).toBe(root);
  });

  it('have the same name for the same contents, wherever they come from', () => {
    const [first, second] = [assetsOf(schemaIn(testApp())), assetsOf(schemaIn(testApp()))];
    expect(second).toEqual(first);
    const other = assetsOf(schemaIn(testApp(), PEOPLE.replace('text', 'varchar')));
    expect(other['index.handler']).not.toBe(first['index.handler']);
    expect(other['index.isComplete']).toBe(first['index.isComplete']);
  });

  it('are not mixed up when two schemas of one app differ only in their migrations', () => {
    const app = testApp({ bundle: true });
    const stack = new Stack(app, 'Two');
    const vpc = new ec2.Vpc(stack, 'Vpc');
    const schemas = [PEOPLE, PEOPLE.replace('people', 'places')].map(
      (sql, index) =>
        new SchemaMigrations(stack, `Schema${index}`, {
          folder: folderOf({ '0001_first.sql': sql }),
          ledgerName: `n${index}`,
          database: SchemaDatabase.existing({
            host: 'db.example',
            databaseName: 'app',
            vpc,
            securityGroups: [],
            auth: 'iam',
            createUser: false,
            resourceId: 'db-ABC',
          }),
        }),
    );
    app.synth();
    const hashes = readdirSync(app.outdir)
      .map((name) => join(app.outdir, name, 'manifest.json'))
      .filter((file) => existsSync(file))
      .map((file) => JSON.parse(readFileSync(file, 'utf8')).hash);
    expect(hashes.sort()).toEqual(schemas.map(({ _manifest }) => _manifest.hash).sort());
  });
});

describe('the bundles', () => {
  /** As Lambda lays it out: the SDK's clients in the runtime, nothing else. */
  function exportsOf(handler: HandlerName): unknown {
    const folder = temporaryFolder();
    const scope = join(folder, 'node_modules', '@aws-sdk');
    mkdirSync(scope, { recursive: true });
    for (const name of readdirSync(join(ROOT, 'node_modules/@aws-sdk')).filter((each) =>
      each.startsWith('client-'),
    )) {
      symlinkSync(join(ROOT, 'node_modules/@aws-sdk', name), join(scope, name));
    }
    const script = `process.stdout.write(JSON.stringify(Object.keys(require('./index.js')).sort()))`;
    const files = bundleHandler(handler);
    const task = folderOf(files);
    const child = spawnSync(process.execPath, ['-e', script], {
      cwd: task,
      encoding: 'utf8',
      env: { PATH: process.env.PATH, NODE_PATH: join(folder, 'node_modules') },
    });
    expect(child.stderr).toBe('');
    return JSON.parse(child.stdout);
  }

  it('load with nothing beside them but the clients of the runtime', () => {
    expect(exportsOf('deploy')).toEqual(['isComplete', 'onEvent']);
    expect(exportsOf('migrate')).toEqual(['handler']);
    expect(exportsOf('page')).toEqual(['handler']);
    expect(exportsOf('notify')).toEqual(['handler']);
  });

  it('say nothing about the machine that made them', () => {
    for (const handler of ['deploy', 'migrate', 'page', 'notify'] as const) {
      for (const text of Object.values(bundleHandler(handler))) expect(text).not.toContain(ROOT);
    }
  });

  it('are made from sources by esbuild alone, and an error names the remedy where it is missing', () => {
    const script = `
      const { Module } = require('node:module');
      const load = Module._load;
      Module._load = (name, ...rest) => {
        if (name === 'esbuild') throw new Error('Cannot find module');
        return load(name, ...rest);
      };
      const { bundleHandler } = require('./lib/constructs/functions/bundle.ts');
      try { bundleHandler('notify'); } catch (error) { console.log(error.message); }`;
    const { stdout } = spawnSync(process.execPath, ['--require', 'tsx/cjs', '-e', script], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    expect(stdout.trim()).toBe(
      'The handler notify has to be bundled from its sources, and esbuild is not installed. ' +
        `Run \`npm ci\`, with devDependencies, in ${ROOT}.`,
    );
  });
});
