import { join } from 'node:path';
import { DockerImage } from 'aws-cdk-lib';
import { type AssetCode, Code } from 'aws-cdk-lib/aws-lambda';
import { sha256 } from '../../../lambda/contract/manifest';
import { codeRoot } from '../../package';
import { type BundleFiles, bundleHandler, type HandlerName, writeFiles } from './bundle';

/**
 * Returns a bundled handler as a Lambda asset, with `extra` files next to it. The asset's hash covers only the
 * contents, so the same sources give the same hash on every machine.
 */
export function createHandlerCode(handler: HandlerName, extra: BundleFiles = {}): AssetCode {
  const files = { ...bundleHandler(handler), ...extra };
  return Code.fromAsset(join(codeRoot(), 'lambda', handler), {
    assetHash: sha256(hashBundle(handler) + hashFiles(extra)),
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

const bundleHashes = new Map<HandlerName, string>();

/** Hashes a handler's bundle once per process, because it has a megabyte with its source map. */
function hashBundle(handler: HandlerName): string {
  const known = bundleHashes.get(handler);
  if (known !== undefined) return known;
  const hash = hashFiles(bundleHandler(handler));
  bundleHashes.set(handler, hash);
  return hash;
}

const hashFiles = (files: BundleFiles): string =>
  sha256(JSON.stringify(Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1))));
