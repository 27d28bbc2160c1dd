/** What an editor shows of the public API is complete, and every example in it compiles as a user would write it. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { publicApi } from '../support/public-api';

const ROOT = resolve(__dirname, '../..');

describe('the public API is documented', () => {
  const api = publicApi();
  const classes = api.filter(({ kind }) => kind === 'class');
  const props = api.flatMap(({ name, members }) =>
    members.map((each) => [`${name}.${each.name}`, each] as const),
  );

  it.each(classes.map((each) => [each.name, each] as const))(
    '%s says what it is for, with an example',
    (_, made) => {
      expect(made.comment).not.toBe('');
      expect(made.tags.map(({ name }) => name)).toContain('example');
    },
  );

  it.each(props)('%s says what it is, and what it is by default', (_, { comment, optional, tags }) => {
    expect(comment.trim()).not.toBe('');
    expect(tags.some(({ name, text }) => name === 'default' && text.trim() !== '')).toBe(optional);
  });
});

interface Example {
  /** File and line. */
  readonly place: string;
  readonly code: string;
}

/** What an example in a doc comment leaves out, on the line of its own comment. */
const IMPORTS =
  "import { ApplicationLogGroup, DatabaseStack, DriftCheck, FleetCheck, FleetTenants, Notify, SchemaAlarms, SchemaDatabase, SchemaFleet, SchemaMigrations, SchemaStack, WatchStack } from 'trueup'; import { Duration } from 'aws-cdk-lib'; import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';\n";

/** Of doc comments: from `@example` to the next tag or the end. */
function examplesOf(file: string): Example[] {
  const source = readFileSync(join(ROOT, file), 'utf8');
  return [...source.matchAll(/\/\*\*[\s\S]*?\*\//g)].flatMap((comment) => {
    const text = comment[0].replace(/\*\/$/, '').replace(/^[ \t]*\* ?/gm, '');
    const line = source.slice(0, comment.index).split('\n').length;
    return [...text.matchAll(/^@example\n([\s\S]*?)(?=^@|$(?![\s\S]))/gm)].map(([, code]) => ({
      place: `${file}:${line}`,
      code: IMPORTS + code!,
    }));
  });
}

/** Of a page: its blocks of TypeScript. */
const examplesIn = (page: string): Example[] =>
  [...readFileSync(join(ROOT, page), 'utf8').matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code], i) => ({
    place: `${page}, example ${i + 1}`,
    code: code!,
  }));

const sources = ['lib/constructs', 'lib/stacks'].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `${folder}/${name}`),
);
/** One shows the transport itself, which the package does not export. */
const INSIDE = 'data-api.md';
const pages = readdirSync(join(ROOT, 'docs')).filter((name) => name.endsWith('.md') && name !== INSIDE);
const examples = [
  ...sources.flatMap(examplesOf),
  ...['README.md', ...pages.map((name) => `docs/${name}`)].flatMap(examplesIn),
];

/** What examples suppose to be there. */
const SURROUNDINGS = `
import * as trueup from 'trueup';
import * as cdk from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as rds from 'aws-cdk-lib/aws-rds';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
declare global {
  const app: cdk.App;
  const stack: cdk.Stack;
  const vpc: ec2.IVpc;
  const databaseSecurityGroup: ec2.ISecurityGroup;
  const database: rds.DatabaseInstance;
  const instance: rds.DatabaseInstance;
  const cluster: rds.DatabaseCluster;
  const secret: secretsmanager.ISecret;
  const service: lambda.Function;
  const onCall: iam.IRole;
  const release: iam.IRole;
  const onCallRole: iam.IRole;
  const releaseRole: iam.IRole;
  const databaseLogGroup: logs.ILogGroup;
  const applicationLogGroup: logs.ILogGroup;
  const server: trueup.DatabaseStack;
  const schema: trueup.SchemaMigrations;
  const alarms: trueup.SchemaAlarms;
  const fleet: trueup.SchemaFleet;
  const signUpFunction: lambda.Function;
}
`;

it('every example compiles', () => {
  expect(examples.length).toBeGreaterThan(15);
  // Below the sources, so that packages are found.
  const folder = join(ROOT, 'node_modules/.cache/trueup-examples');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'surroundings.ts'), SURROUNDINGS);
  examples.forEach(({ place, code }, i) => {
    writeFileSync(join(folder, `example-${i}.ts`), `// ${place}\n${code}\nexport {};\n`);
  });
  const config = {
    extends: '../../../tsconfig.json',
    compilerOptions: {
      noUnusedLocals: false,
      rootDir: '../../..',
      paths: { trueup: ['../../../lib/index.ts'] },
    },
    include: ['*.ts'],
    // The folder lies below node_modules, which is left out otherwise.
    exclude: [],
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
  const { stdout } = spawnSync(
    process.execPath,
    [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', folder],
    {
      encoding: 'utf8',
    },
  );
  const placed = stdout.replace(/\S*example-(\d+)\.ts/g, (_, i) => examples[Number(i)]!.place);
  expect(placed).toBe('');
});
