import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { DockerImage } from 'aws-cdk-lib';
import { type AssetCode, Code } from 'aws-cdk-lib/aws-lambda';
import { codeRoot } from '../../package';
import { type BundleFiles, bundleHandler, type HandlerName, writeFiles } from './bundle';

/**
 * Returns a bundled handler as a Lambda asset, with `extra` files next to it. The asset's hash covers only the
 * contents, so the same sources give the same hash on every machine.
 */
export function createHandlerCode(handler: HandlerName, extra: BundleFiles = {}): AssetCode {
  const files = { ...bundleHandler(handler), ...extra };
  return Code.fromAsset(join(codeRoot(), 'lambda', handler), {
    assetHash: hashFiles(files),
    bundling: {
      // Never pulled, because `local` always reports that it did the work.
      image: DockerImage.fromRegistry('none'),
      local: {
        tryBundle(outputDir) {
          writeFiles(outputDir, files);
          return true;
        },
      },
    },
  });
}

function hashFiles(files: BundleFiles): string {
  const hash = createHash('sha256');
  for (const name of Object.keys(files).sort()) hash.update(JSON.stringify([name, files[name]]));
  return hash.digest('hex');
}
