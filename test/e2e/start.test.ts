/**
 * docs/index.md from an empty folder to the first page, as somebody types it, with a clone beside the folder. What `cdk init`
 * downloads is linked from here instead; the rest, cdk.json with weak references among it, is as it made it.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { copyCheckout } from '../support/checkout';
import { play } from '../support/console-blocks';
import { reason } from './support/cdk';
import { awsEnvironment } from './support/emulator';
import { type Rds, startRds } from './support/rds';
import { available, cdk, localAws, logEvents, physicalId, ROOT, stackStatus } from './support/scenario';
import { type Finished, runToEnd } from './support/supervised';

const PAGE = join(ROOT, 'docs/index.md');
const LINES = [...readFileSync(PAGE, 'utf8').matchAll(/^```sh\n([\s\S]*?)^```/gm)]
  .flatMap(([, block]) => block!.trim().split('\n'))
  .map((line) => line.replace(/\s+#.*$/, ''));

const PRINTED = /^Fill it in, then run/m;

describe.runIf(available())('the first page of the documentation', () => {
  let parent: string;
  let shop: string;
  let rds: Rds;

  const sh = (line: string, cwd = shop): Promise<Finished> => {
    const { endpoint, folder } = localAws();
    return runToEnd(['sh', '-c', line], {
      cwd,
      env: { ...awsEnvironment(endpoint, join(folder, 'home')), CDK_DISABLE_CLI_TELEMETRY: 'true' },
      timeoutMs: 120_000,
    });
  };
  const good = async (line: string, cwd?: string): Promise<string> => {
    const { exitCode, output } = await sh(line, cwd);
    expect(exitCode, `${line}\n${output}`).toBe(0);
    return output;
  };
  const typed = (line: string): Promise<Finished> => {
    expect(LINES).toContain(line);
    return sh(line);
  };
  const deploy = () => cdk().deploy(['--all'], { cwd: shop });

  beforeAll(async () => {
    parent = mkdtempSync(join(localAws().folder, 'start-'));
    shop = join(parent, 'shop');
    copyCheckout(join(parent, 'trueup'));
    await good('npm run prepare', join(parent, 'trueup'));
    rds = await startRds('shopserver');
  });

  afterAll(async () => {
    await rds?.stop();
  });

  test('from an empty folder', async () => {
    expect(LINES.slice(0, 3)).toEqual([
      'mkdir shop && cd shop',
      'npx aws-cdk@~2.1148 init app --language typescript',
      'npm i ../trueup',
    ]);
    mkdirSync(shop);
    const own = join(ROOT, 'node_modules/aws-cdk/bin/cdk');
    await good(`"${process.execPath}" "${own}" init app --language typescript --generate-only`);
    expect(readFileSync(join(shop, 'cdk.json'), 'utf8')).toContain(
      '"@aws-cdk/core:defaultCrossStackReferences": "weak"',
    );
    const modules = join(shop, 'node_modules');
    for (const name of ['aws-cdk-lib', 'constructs', 'aws-cdk', 'tsx', 'typescript', '@types/node']) {
      mkdirSync(dirname(join(modules, name)), { recursive: true });
      symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
    }
    mkdirSync(join(modules, '.bin'));
    for (const name of ['tsx', 'tsc', 'cdk']) {
      symlinkSync(join(ROOT, 'node_modules/.bin', name), join(modules, '.bin', name));
    }
    // Its own test needs jest, which is not here; the compiler would look at it.
    const config = join(shop, 'tsconfig.json');
    const settings = readFileSync(config, 'utf8');
    writeFileSync(config, settings.replace('"jest",', '').replace('"exclude": [', '"exclude": ["test",'));
    // What `npm i ../trueup` makes.
    symlinkSync('../../trueup', join(modules, 'trueup'));
    symlinkSync('../trueup/bin/trueup.cjs', join(modules, '.bin/trueup'));

    const printed: string[] = [];
    await play(readFileSync(PAGE, 'utf8'), {
      folder: shop,
      run: async (command) => {
        const output = await good(command);
        printed.push(output);
        return output;
      },
    });
    expect(printed).toEqual([
      expect.stringMatching(PRINTED),
      expect.stringMatching(/1 migration verified, none drifted/),
    ]);
    expect(existsSync(join(shop, 'bin/shop.ts'))).toBe(true);
  });

  test('a file that cannot work stops the synthesis with the text of `trueup check`, once', async () => {
    const bad = join(shop, 'migrations/shop/0002_bad.sql');
    writeFileSync(bad, '-- migrate:up\nSELEC 1;\n-- migrate:no-verify A sample.\n');
    const check = await sh('npx trueup check migrations/shop');
    const failed = await deploy();
    writeFileSync(bad, '-- migrate:up\nALTER TABLE orders ADD note text;\n-- migrate:no-verify A sample.\n');
    expect(check.exitCode).toBe(1);
    expect(failed.exitCode).toBe(1);
    const places = ({ output }: Finished) =>
      output.split('\n').filter((line) => line.includes('0002_bad.sql'));
    expect(places(check)).toHaveLength(1);
    expect(places(failed)).toEqual(places(check));
    expect(failed.output).not.toMatch(/^ +at /m);
    expect(await stackStatus('ShopSchema')).toBeUndefined();
  });

  test('the deployment, and what is asked of it from outside', async () => {
    expect(LINES.filter((line) => line.startsWith('npx cdk'))).toEqual([
      'npx cdk bootstrap',
      'npx cdk deploy --all',
    ]);
    const made = await deploy();
    expect(made.exitCode, reason(made)).toBe(0);
    const status = await typed('npx trueup status --stack ShopSchema');
    expect(status).toMatchObject({ exitCode: 0, output: expect.stringContaining('2 applied, 0 pending') });
    const verify = await typed('npx trueup verify --stack ShopSchema');
    expect(verify).toMatchObject({ exitCode: 0, output: expect.stringContaining('none drifted') });
    const audit = await typed('npx trueup audit --stack ShopSchema');
    expect([0, 6], audit.output).toContain(audit.exitCode);
    expect(await good('npx trueup plan --stack ShopSchema')).toContain('nothing to do');
    expect(await good('npx trueup check-workload --stack ShopSchema')).toContain('2 ');
  });

  test('a page that is tried', async () => {
    const { exitCode, output } = await typed('npx trueup alarm-test --stack ShopWatch');
    expect(exitCode, output).toBe(0);
    const pager = await physicalId('ShopWatch', 'AWS::Logs::LogGroup');
    await expect
      .poll(() => logEvents(pager), { interval: 1_000 })
      .toContainEqual(expect.objectContaining({ event: 'page-published' }));
  });

  test('a deployment that fails is what `status` says afterwards', async () => {
    const file = join(shop, 'migrations/shop/0003_broken.sql');
    writeFileSync(
      file,
      "-- migrate:up\nCOMMENT ON COLUMN orders.nothing IS 'x';\n-- migrate:no-verify A sample.\n",
    );
    const failed = await deploy();
    expect(failed.exitCode).toBe(1);
    expect(await stackStatus('ShopSchema')).toBe('UPDATE_ROLLBACK_COMPLETE');
    expect(await good('npx trueup status --stack ShopSchema')).toMatch(
      /^The last deployment, .* UTC, failed: 0003_broken, line 2: .*42703/m,
    );
  });
});
