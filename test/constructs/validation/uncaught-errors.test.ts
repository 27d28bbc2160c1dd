/** What a person sees of an error in the files, when the app ends with it: run as `cdk synth` runs it. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cleanEnvironment, trueup } from '../../cli/trueup';
import { folderOf } from '../../support/synth';

const ROOT = join(__dirname, '../../..');
const BAD = `-- migrate:up
CREATE TABLE orders (id bigint PRIMARY KEY);
COMMIT;
DROP TABLE people;
SELEC 1;
-- migrate:no-verify A sample.
`;

/** Each way that `cdk init` has had of running TypeScript ends in another place of Node. */
const RUNNERS = {
  'a module that is required': ['--require', join(ROOT, 'bin/sources.cjs')],
  'tsx, as cdk init writes it': [join(ROOT, 'node_modules/tsx/dist/cli.mjs')],
};

function synth(folder: string, runner: readonly string[], statement: string) {
  const lib = JSON.stringify(join(ROOT, 'lib'));
  const cdk = JSON.stringify(join(ROOT, 'node_modules/aws-cdk-lib'));
  writeFileSync(
    join(folder, 'app.ts'),
    `import { App } from ${cdk};
     import { DatabaseStack, SchemaStack } from ${lib};
     const app = new App({ outdir: 'out', autoSynth: true });
     const database = new DatabaseStack(app, 'Server').database();
     const shop = (props: object) => new SchemaStack(app, 'Shop', { schema: { database, folder: 'migrations', ...props } });
     ${statement}`,
  );
  return spawnSync(process.execPath, [...runner, 'app.ts'], {
    cwd: folder,
    encoding: 'utf8',
    env: cleanEnvironment({ CDK_VALIDATION: 'false' }),
  });
}

const words = (text: string): string =>
  text
    .replace(/^npm warn.*$/gm, '')
    .replace(/\s+/g, ' ')
    .trim();

test.each(Object.entries(RUNNERS))(
  '%s: the text of `trueup check`, once, and nothing else',
  async (_, runner) => {
    const folder = folderOf({ 'migrations/0001_orders.sql': BAD, 'migrations/0002_more.sql': 'nothing' });
    const check = await trueup(['check', 'migrations'], { cwd: folder });
    expect(check.code).toBe(1);
    const { status, stderr, stdout } = synth(folder, runner, 'shop({});');
    expect(status).toBe(1);
    expect(stdout).toBe('');
    expect(words(stderr)).toBe(words(check.stderr));
    expect(stderr.split('\n')).toContain(
      check.stderr.split('\n').find((line) => line.includes('0001_orders.sql:')),
    );
  },
);

test('a workload that cannot be read is one sentence too', () => {
  const folder = folderOf({
    'migrations/0001_a.sql': '-- migrate:up\nCREATE TABLE a ();\n-- migrate:no-verify A sample.\n',
    'app.sql': 'SELEC 1;',
  });
  const { status, stderr } = synth(
    folder,
    RUNNERS['tsx, as cdk init writes it'],
    "shop({ workload: 'app.sql' });",
  );
  expect(status).toBe(1);
  expect(stderr).toMatch(/^Shop\/Schema: workload must name files of statements to plan: .*app\.sql.*\n$/);
});

test('an error that the app has caught says nothing, and another one ends it as ever', () => {
  const folder = folderOf({ 'migrations/0001_orders.sql': BAD });
  const caught =
    'try { shop({}); } catch (error) { console.log((error as Error).name, Object.keys(error as object)); }';
  const { status, stdout, stderr } = synth(
    folder,
    RUNNERS['tsx, as cdk init writes it'],
    `${caught} throw new TypeError('of the app');`,
  );
  expect(status).not.toBe(0);
  expect(stdout).toBe("CompileError [ 'name' ]\n");
  expect(stderr).toMatch(/TypeError: of the app\n +at .*app\.ts/);
  expect(stderr).not.toContain('0001_orders');
});
