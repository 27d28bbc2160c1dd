/** `npm run build`: tsx lib/build/main.ts dist */
import { join } from 'node:path';
import {
  buildBundle,
  getPrebuiltFolder,
  HANDLERS,
  runEsbuild,
  writeFiles,
} from '../constructs/functions/bundle';
import { listBundledPackages, NOTICES, thirdPartyNotices } from './notices';
import { buildProgram } from './program';

async function main(folder: string): Promise<void> {
  for (const handler of HANDLERS) writeFiles(getPrebuiltFolder(folder, handler), buildBundle(handler));
  const metafiles = [
    ...HANDLERS.map((handler) => runEsbuild(handler).metafile),
    ...(await buildProgram(folder)),
  ];
  writeFiles(join(folder), { [NOTICES]: thirdPartyNotices(listBundledPackages(metafiles)) });
}

void main(process.argv[2] ?? 'dist');
