/** One version of the deployed code, as the constructs put it into a stack: bundles, manifest, settings, properties. */
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import {
  buildDeployEnvironment,
  type DeployProperties,
  type DeploySettings,
} from '../../../../lambda/contract/custom-resource';
import type { Manifest } from '../../../../lambda/contract/manifest';
import {
  buildMigrateVariables,
  MANIFEST_FILE,
  type MigrateVariables,
  ROOTS_FILE,
} from '../../../../lambda/migrate/migrate-settings';
import { bundleHandler, writeFiles } from '../../../../lib/constructs/functions/bundle';
import { buildDeployProperties } from '../../../../lib/constructs/migrations/deploy-resource';
import { functionName, type StackCode } from './index';

export interface CodeOptions {
  /** Where the bundles are written; the caller removes it. */
  readonly folder: string;
  readonly stackName: string;
  readonly manifest: Manifest;
  readonly database: {
    readonly host: string;
    readonly port: number;
    readonly name: string;
    readonly secretArn: string;
    /** PEM of the authority to trust. */
    readonly roots: string;
  };
  readonly settings?: Partial<DeploySettings>;
  readonly variables?: MigrateVariables;
  readonly migrateTimeoutMs?: number;
  readonly namespace?: string;
}

const DEPLOY_TIMEOUT_MS = 14 * 60_000;

export function stackCode(options: CodeOptions): StackCode {
  const { database, manifest, settings, stackName } = options;
  const deploy = join(options.folder, 'deploy');
  const migrate = mkdtempSync(join(options.folder, 'migrate-'));
  writeFiles(deploy, bundleHandler('deploy'));
  writeFiles(migrate, {
    ...bundleHandler('migrate'),
    [MANIFEST_FILE]: JSON.stringify(manifest),
    [ROOTS_FILE]: database.roots,
  });
  const sliceMs = settings?.sliceMs ?? 20_000;
  const migrateTimeoutMs = options.migrateTimeoutMs ?? sliceMs + 10_000;
  const environment = buildDeployEnvironment({
    migrateFunction: functionName(stackName, 'migrate'),
    sliceMs,
    timeoutMs: 120_000,
    rollbackWaitMs: 5_000,
    answerTimeoutMs: migrateTimeoutMs + 2_000,
    ...settings,
  });
  const index = (folder: string, exported: string) => ({ file: join(folder, 'index.js'), exported });
  const migrateVariables = buildMigrateVariables({
    namespace: options.namespace ?? 'app',
    transport: 'pg',
    host: database.host,
    port: String(database.port),
    database: database.name,
    auth: 'secret',
    secretArn: database.secretArn,
    rootsFile: ROOTS_FILE,
    ...options.variables,
  });
  const migrateCode = { code: index(migrate, 'handler'), timeoutMs: migrateTimeoutMs };
  return {
    onEvent: { code: index(deploy, 'onEvent'), environment: {}, timeoutMs: 30_000 },
    isComplete: { code: index(deploy, 'isComplete'), environment, timeoutMs: DEPLOY_TIMEOUT_MS },
    migrate: { ...migrateCode, environment: migrateVariables },
    ask: {
      ...migrateCode,
      environment: { ...migrateVariables, ...buildMigrateVariables({ queryOnly: 'true' }) },
    },
  };
}

/** The custom resource's properties for this code. */
export function stackProperties(
  options: Pick<CodeOptions, 'manifest' | 'database' | 'namespace'>,
  change: Partial<DeployProperties> = {},
): DeployProperties & Readonly<Record<string, unknown>> {
  const { database, manifest, namespace = 'app' } = options;
  const properties = buildDeployProperties({
    manifest,
    target: `pg:${database.host}:${database.port}/${database.name}`,
    login: `secret:${database.secretArn}`,
    namespace,
  });
  return { ...properties, ...change };
}
