/** All that whole deployments share: the local AWS, and an account in it that is bootstrapped. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CdkCli } from './cdk';
import { type Certificates, makeCertificates } from './certificates';
import { startEmulator } from './emulator';
import { type Python, pythonWithRequirements } from './python';
import { temporaryFolder } from './supervised';

/** Plain data, so that it can be handed to the test workers. */
export interface LocalAws {
  readonly endpoint: string;
  /** For everything that a test writes; removed at the end, however that comes. */
  readonly folder: string;
  readonly emulatorLog: string;
  /** Of every PostgreSQL behind RDS. */
  readonly certificates: Certificates;
  /** The authority's PEM file: what the Lambda runtime trusts here. */
  readonly rootsFile: string;
  /** One file for each RDS identifier, see real_postgres.py. */
  readonly databases: string;
}

export async function startLocalAws(python: Python): Promise<{ aws: LocalAws; stop: () => Promise<void> }> {
  const { path: folder, remove } = temporaryFolder('trueup-e2e-');
  let emulator: { stop(): Promise<void> } | undefined;
  const stop = async () => {
    await emulator?.stop();
    remove();
  };
  try {
    const [executable, certificates] = await Promise.all([
      pythonWithRequirements(python),
      makeCertificates(),
    ]);
    const [rootsFile, databases] = [join(folder, 'roots.pem'), join(folder, 'databases')];
    writeFileSync(rootsFile, certificates.ca);
    mkdirSync(databases);
    const started = await startEmulator({ python: executable, folder, databases, rootsFile });
    emulator = started;
    const { endpoint, logFile } = started;
    const bootstrap = await new CdkCli(endpoint, folder).bootstrap();
    if (bootstrap.exitCode !== 0) throw new Error(`cdk bootstrap failed:\n${bootstrap.output}`);
    return { aws: { endpoint, folder, emulatorLog: logFile, certificates, rootsFile, databases }, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
