/** Apps for template tests: bundling is skipped, output goes to a folder that is removed. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { App } from 'aws-cdk-lib';
import type { Template } from 'aws-cdk-lib/assertions';
import recommendedFlags from 'aws-cdk-lib/recommended-feature-flags.json';
import { AwsSolutionsChecks } from 'cdk-nag';
import { atEndOfFile } from './end-of-file';

/** A folder of one migration that compiles, for tests that only read it: it is compiled once a process. */
export const PEOPLE_FOLDER = join(__dirname, '../data/people');
export const PEOPLE = readFileSync(join(PEOPLE_FOLDER, '0001_people.sql'), 'utf8');

const folders: string[] = [];

atEndOfFile(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'trueup-test-'));
  folders.push(folder);
  return folder;
}

/** A folder with these files, e.g. `{ '0001_people.sql': '-- migrate:up\nCREATE TABLE …' }`. */
export function folderOf(files: Readonly<Record<string, string>>): string {
  const folder = temporaryFolder();
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}

export interface AppOptions {
  /** Write the handlers into the output. @default false */
  readonly bundle?: boolean;
  /** Every feature flag that `cdk init` would set, as against none. @default true */
  readonly recommended?: boolean;
  readonly context?: Readonly<Record<string, unknown>>;
}

export function testApp({ bundle = false, recommended = true, context = {} }: AppOptions = {}): App {
  return new App({
    outdir: temporaryFolder(),
    analyticsReporting: false,
    context: {
      ...(bundle ? {} : { 'aws:cdk:bundling-stacks': [] }),
      ...(recommended ? recommendedFlags : {}),
      // References between stacks as they have always been; the other kinds need a newer CloudFormation.
      '@aws-cdk/core:defaultCrossStackReferences': 'strong',
      // Neither gets into a template, and both take time with each construct.
      'aws:cdk:disable-creation-stack-traces': true,
      '@aws-cdk/core:enableAdditionalMetadataCollection': false,
      ...context,
    },
  });
}

export type Resource = {
  readonly Type: string;
  readonly Properties: Record<string, unknown>;
  readonly DependsOn?: readonly string[];
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
};

/** Resources of a type, by logical id. */
export const resourcesOf = (template: Template, type: string): Record<string, Resource> =>
  template.findResources(type) as Record<string, Resource>;

export const onlyResource = (template: Template, type: string): Resource => {
  const found = Object.values(resourcesOf(template, type));
  if (found.length !== 1) throw new Error(`${found.length} resources of type ${type}`);
  return found[0]!;
};

/** cdk-nag's findings that nothing in the code acknowledges. */
export function nagFindings(app: App): string[] {
  const { violations } = new AwsSolutionsChecks(app).validateScope(app);
  return violations.flatMap(({ ruleName, violatingResources }) =>
    violatingResources.map(({ constructPath }) => `${ruleName} ${constructPath}`),
  );
}
