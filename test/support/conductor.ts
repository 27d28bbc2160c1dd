/** A conductor, a PostgreSQL server with TLS behind it, and stacks with a database each. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import type { DeployProperties } from '../../lambda/contract/custom-resource';
import type { Manifest } from '../../lambda/contract/manifest';
import { compileFiles } from '../../lib/compiler';
import { type PostgresServer, startPostgres } from '../../lib/scratch-postgres/server';
import { type Certificates, makeCertificates } from '../e2e/support/certificates';
import { Conductor, type ConductorOptions, type StackCode } from './aws/conductor';
import { type CodeOptions, stackCode, stackProperties } from './aws/conductor/code';
import type { RecordedAnswer } from './aws/conductor/custom-resource';
import type { Stack, StackTemplate } from './aws/conductor/stack';
import { dumpCatalog } from './dump-catalog';

/** A migration file's text by its name without `.sql`. */
export type Files = Readonly<Record<string, string>>;

export const compileTexts = (files: Files): Promise<Manifest> =>
  compileFiles(
    Object.entries(files).map(([name, text]) => ({ name: `${name}.sql`, bytes: Buffer.from(text) })),
  );

export interface VersionOptions extends Partial<Omit<CodeOptions, 'folder' | 'stackName' | 'manifest'>> {
  readonly properties?: Partial<DeployProperties>;
  /** The code carries another manifest than the properties name. */
  readonly codeManifest?: Manifest;
}

export class Scenario {
  constructor(
    private readonly rig: Rig,
    readonly stack: Stack<StackCode>,
    readonly database: string,
    readonly client: Client,
  ) {}

  /** A template with these migrations; the second part of an update's change. */
  async version(
    files: Files,
    options: VersionOptions = {},
    rest: Omit<StackTemplate<StackCode>, 'code' | 'schema'> = {},
  ): Promise<StackTemplate<StackCode>> {
    const { server, certificates, folder } = this.rig;
    const manifest = await compileTexts(files);
    const code: CodeOptions = {
      folder,
      stackName: this.stack.name,
      manifest: options.codeManifest ?? manifest,
      database: {
        host: '127.0.0.1',
        port: server.port,
        name: this.database,
        secretArn: SECRET,
        roots: certificates.ca,
      },
      ...options,
    };
    const properties = stackProperties({ ...code, manifest }, options.properties);
    return { code: stackCode(code), schema: properties, ...rest };
  }

  get answers(): readonly RecordedAnswer[] {
    return this.rig.conductor.customResources(this.stack).answers;
  }

  /** `Schema UPDATE_FAILED …`, for one look at what happened; the stack's own events as `stack`. */
  get story(): string[] {
    return this.stack.events.map(({ logicalId, status }) =>
      `${logicalId === this.stack.name ? 'stack' : logicalId} ${status}`.trim(),
    );
  }

  /** Why our resource failed last. */
  get reason(): string {
    return (
      this.stack.events.findLast(({ logicalId, reason }) => logicalId === 'Schema' && reason)?.reason ?? ''
    );
  }

  log(role: 'on-event' | 'is-complete' | 'migrate'): Record<string, unknown>[] {
    const text = this.rig.conductor.functions.logs.get(`${this.stack.name}-${role}`) ?? '';
    return text
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line));
  }

  catalog(): Promise<readonly string[]> {
    return dumpCatalog(this.client);
  }

  async applied(): Promise<string[]> {
    const { rows } = await this.client.query(
      "SELECT name FROM trueup.migrations WHERE state = 'applied' ORDER BY name",
    );
    return rows.map(({ name }) => name);
  }
}

export const SECRET = 'arn:aws:secretsmanager:us-east-1:111122223333:secret:migrator-AbCdEf';

export class Rig {
  private readonly clients: Client[] = [];
  private constructor(
    readonly conductor: Conductor,
    readonly server: PostgresServer,
    readonly certificates: Certificates,
    readonly folder: string,
  ) {}

  static async start(options: ConductorOptions & { readonly expired?: boolean } = {}): Promise<Rig> {
    const certificates = await makeCertificates({ expired: options.expired });
    const server = await startPostgres({ tls: certificates });
    const secret = JSON.stringify({ username: server.superuser, password: server.password });
    const conductor = await Conductor.start({ ...options, secrets: { [SECRET]: secret } });
    return new Rig(conductor, server, certificates, mkdtempSync(join(tmpdir(), 'trueup-code-')));
  }

  /** @param name of the stack. @default - one that no other has */
  async scenario(name = `shop-${randomBytes(3).toString('hex')}`, database?: string): Promise<Scenario> {
    const own = database ?? `d_${randomBytes(6).toString('hex')}`;
    if (database === undefined) {
      const admin = await this.connect('postgres');
      await admin.query(`CREATE DATABASE ${own}`);
    }
    return new Scenario(this, this.conductor.stack(name), own, await this.connect(own));
  }

  async connect(database: string): Promise<Client> {
    const { server, certificates } = this;
    const client = new Client({
      connectionString: server.url(database),
      ssl: { ca: certificates.ca, rejectUnauthorized: false },
    });
    client.on('error', () => {});
    await client.connect();
    this.clients.push(client);
    return client;
  }

  async close(): Promise<void> {
    await this.conductor.close();
    await Promise.all(this.clients.map((client) => client.end().catch(() => {})));
    await this.server.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
