/** A handler of this folder as a function's code. */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DockerImage } from 'aws-cdk-lib';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { buildSync } from 'esbuild';

/** @param version written into the code, so that another one is other code */
export function handler(name: 'deployment' | 'fleet' | 'inside', version: string): Code {
  const code = built(name, version);
  return Code.fromAsset(__dirname, {
    // Of the code: CDK takes two assets of one folder for one.
    assetHash: createHash('sha256').update(code).digest('hex'),
    bundling: {
      // Never pulled: `local` always answers that it has done the work.
      image: DockerImage.fromRegistry('none'),
      local: {
        tryBundle(outputDir) {
          writeFileSync(join(outputDir, 'index.js'), code);
          return true;
        },
      },
    },
  });
}

/** As the library bundles its own handlers (lib/constructs/functions/bundle.ts). */
const built = (name: string, version: string): string =>
  buildSync({
    entryPoints: [join(__dirname, `${name}.ts`)],
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node22',
    minify: true,
    mainFields: ['module', 'main'],
    supported: { 'dynamic-import': false },
    external: ['@aws-sdk/client-*'],
    define: { CODE_VERSION: JSON.stringify(version) },
    logLevel: 'silent',
    write: false,
  }).outputFiles[0]!.text;
