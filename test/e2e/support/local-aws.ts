/** All that a whole deployment runs on: a PostgreSQL with TLS, the local AWS in front of it, and a bootstrapped account. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startPostgres } from '../../../lib/local/postgres-server';
import { CdkCli } from './cdk';
import { makeCertificates } from './certificates';
import { startEmulator } from './emulator';
import { type Python, pythonWithRequirements } from './python';
import { temporaryFolder } from './supervised';

/** Plain data, so that it can be handed to the test workers. */
export interface LocalAws {
  readonly endpoint: string;
  readonly folder: string;
  readonly emulatorLog: string;
  /** PEM file of the authority that the database's certificate is from. */
  readonly caFile: string;
  readonly postgres: {
    readonly host: string;
    readonly port: number;
    /** A superuser that no template knows. */
    readonly adminUrl: string;
    readonly logFile: string;
  };
}

/** RDS's parameters where its default differs from the server's, and the ones that the alarms need. */
const SETTINGS = { log_min_error_statement: 'error', log_error_verbosity: 'default', lc_messages: 'C' };

export async function startLocalAws(python: Python): Promise<{ aws: LocalAws; stop: () => Promise<void> }> {
  const folder = temporaryFolder('trueup-e2e-');
  const running: { stop(): Promise<void> }[] = [];
  const stop = async () => {
    for (const each of running.reverse()) await each.stop();
    folder.remove();
  };
  try {
    const [executable, tls] = await Promise.all([pythonWithRequirements(python), makeCertificates()]);
    const caFile = join(folder.path, 'ca.pem');
    writeFileSync(caFile, tls.ca);
    const server = await startPostgres({ superuser: 'rdsadmin', tls, settings: SETTINGS });
    running.push(server);
    const { host, port, logFile } = server;
    const adminUrl = `${server.url()}?sslmode=verify-full&sslrootcert=${encodeURIComponent(caFile)}`;
    const postgres = { host, port, adminUrl, logFile };
    const emulator = await startEmulator({
      python: executable,
      folder: folder.path,
      postgres,
      rootsFile: caFile,
    });
    running.push(emulator);
    const { endpoint } = emulator;
    const bootstrap = await new CdkCli(endpoint, folder.path).bootstrap();
    if (bootstrap.exitCode !== 0) throw new Error(`cdk bootstrap failed:\n${bootstrap.output}`);
    return { aws: { endpoint, folder: folder.path, emulatorLog: emulator.logFile, caFile, postgres }, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
