/** The app of bin/app.ts. */
import { cpSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { type CdkOptions, nodeApp } from './cdk';
import { localAws, ROOT } from './scenario';

/** With the settings of our cdk.json, in a folder of its own: the command line writes cdk.context.json there. */
export function shippedApp(settings: Record<string, string>): CdkOptions {
  const cwd = mkdtempSync(join(localAws().folder, 'app-'));
  cpSync(join(ROOT, 'cdk.json'), join(cwd, 'cdk.json'));
  const all = { migrations: join(ROOT, 'migrations'), ...settings };
  const context = Object.fromEntries(Object.entries(all).map(([key, value]) => [`trueup:${key}`, value]));
  return { cwd, context, app: nodeApp(join(ROOT, 'bin', 'app.ts')) };
}
