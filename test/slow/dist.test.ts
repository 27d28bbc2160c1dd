/** The constructs as the published package holds them: JavaScript, with `lambda/` beside `lib/` in `dist/`. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { sha256 } from '../../lambda/contract/manifest';
import { bundleHandler } from '../../lib/constructs/functions/bundle';
import { temporaryFolder } from '../support/synth';

const ROOT = resolve(__dirname, '../..');
// Inside the project, so that packages are found.
const folder = join(ROOT, 'node_modules', '.cache', `trueup-dist-${process.pid}`);
const dist = join(folder, 'dist');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('synthesizes with bundled handlers', () => {
  mkdirSync(dist, { recursive: true });
  // What `npm run build` does, elsewhere.
  const run = (command: string, ...args: string[]) =>
    execFileSync(join(ROOT, 'node_modules/.bin', command), args, { cwd: ROOT });
  copyFileSync(join(ROOT, 'package.json'), join(folder, 'package.json'));
  run('tsx', 'lib/build/main.ts', dist);
  const outdir = temporaryFolder();
  const script = `
    const { App } = require('aws-cdk-lib');
    const { DatabaseStack, SchemaStack } = require(${JSON.stringify(join(dist, 'lib'))});
    const app = new App({ outdir: ${JSON.stringify(outdir)}, analyticsReporting: false });
    const server = new DatabaseStack(app, 'Server');
    new SchemaStack(app, 'Courses', { schema: { database: server.database(), folder: 'migrations/courses' } });
    const { template } = app.synth().getStackByName('Courses');
    const functions = Object.values(template.Resources).filter((each) => each.Type === 'AWS::Lambda::Function');
    const { S3Key } = functions.find((each) => each.Properties.Handler === 'index.handler').Properties.Code;
    process.stdout.write(S3Key.replace('.zip', ''));
  `;
  const asset = execFileSync(process.execPath, ['-e', script], {
    cwd: ROOT,
    encoding: 'utf8',
    env: { ...process.env, NODE_PATH: join(ROOT, 'node_modules') },
  });
  const made = join(outdir, `asset.${asset}`);
  // The very bytes that the other tests run.
  for (const [name, content] of Object.entries(bundleHandler('migrate'))) {
    expect(sha256(readFileSync(join(made, name), 'utf8'))).toBe(sha256(content));
  }
  const { migrations } = JSON.parse(readFileSync(join(made, 'manifest.json'), 'utf8'));
  expect(migrations.map(({ name }: { name: string }) => name)).toContain('0001_as_found');
});
