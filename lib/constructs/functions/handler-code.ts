import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { DockerImage } from 'aws-cdk-lib';
import { type AssetCode, Code } from 'aws-cdk-lib/aws-lambda';
import { bundle, type Files, type HandlerName, writeFiles } from './bundle';

/**
 * A bundled handler as a Lambda asset, with `extra` files beside it. The asset's hash is taken over the contents alone,
 * so the same sources give the same hash on every machine.
 */
export function handlerCode(handler: HandlerName, extra: Files = {}): AssetCode {
  const files = { ...bundle(handler), ...extra };
  return Code.fromAsset(join(__dirname, '../../../lambda', handler), {
    assetHash: hashOf(files),
    bundling: {
      // Never pulled: `local` always answers that it has done the work.
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

function hashOf(files: Files): string {
  const hash = createHash('sha256');
  for (const name of Object.keys(files).sort()) hash.update(JSON.stringify([name, files[name]]));
  return hash.digest('hex');
}
