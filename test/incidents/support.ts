import { randomUUID } from 'node:crypto';
import type { Client } from 'pg';
import { Client as PgClient } from 'pg';
import type { ConvergeOutcome, ConvergeRequest } from '../../lambda/contract/converge';
import type { Manifest } from '../../lambda/contract/manifest';
import type { VerifyFinding } from '../../lambda/contract/status';
import { converge, verify } from '../../lambda/engine';
import { compileFolder } from '../../lib/compiler';
import { asSuperuser, connect, createDatabase } from '../support/database';
import { contextFor } from '../support/engine';
import type { ConnectClient, Incident } from './index';

const manifests = new Map<string, Promise<Manifest>>();

export function manifestOf(incident: Incident): Promise<Manifest> {
  const known = manifests.get(incident.id) ?? compileFolder(incident.folder);
  manifests.set(incident.id, known);
  return known;
}

/** An incident's database: what a test does with it, and what a deployment does. */
export class IncidentDatabase {
  private constructor(
    readonly incident: Incident,
    readonly major: number,
    readonly url: string,
    readonly client: Client,
  ) {}

  /** @param seed makes the broken database; the incident's own by default */
  static async create(
    incident: Incident,
    major: number,
    seed: (client: Client) => Promise<unknown> = incident.seed,
    url?: string,
  ): Promise<IncidentDatabase> {
    const at = url ?? (await createDatabase(major));
    const client = await connect(at);
    await seed(client);
    return new IncidentDatabase(incident, major, at, client);
  }

  /** A database with the same content. Nobody may be connected to this one any more. */
  async copy(): Promise<IncidentDatabase> {
    await this.client.end();
    return IncidentDatabase.create(
      this.incident,
      this.major,
      async () => {},
      await copyDatabase(this.url, this.major),
    );
  }

  /** At once, where there are so many that dropping them all in the end would take longer than a hook may. */
  async drop(): Promise<void> {
    await this.client.end();
    await asSuperuser(this.major, `DROP DATABASE ${new URL(this.url).pathname.slice(1)} WITH (FORCE)`);
  }

  /** Connections that whoever asked for them ends. */
  readonly connect: ConnectClient = async () => {
    const client = new PgClient({ connectionString: this.url });
    await client.connect();
    return client;
  };

  async deploy(change: Partial<ConvergeRequest> = {}): Promise<ConvergeOutcome> {
    const manifest = await manifestOf(this.incident);
    return converge(contextFor(this.url, manifest), {
      id: randomUUID(),
      namespace: this.incident.id,
      owner: null,
      direction: 'forward',
      manifestHash: manifest.hash,
      ...change,
    });
  }

  /** As deploy(), where it has to succeed. */
  async repair(): Promise<void> {
    const outcome = await this.deploy();
    if (outcome.status !== 'done') throw new Error(`not repaired: ${JSON.stringify(outcome)}`);
  }

  async findings(): Promise<readonly VerifyFinding[]> {
    const found = await verify(contextFor(this.url, await manifestOf(this.incident)), this.incident.id);
    if (found.errors.length > 0) throw new Error(JSON.stringify(found.errors));
    return found.findings;
  }

  /** What only a person can decide. */
  async repairByHand(): Promise<void> {
    for (const { sql } of this.incident.byHand) await this.client.query(sql);
  }

  async column<T>(sql: string, params: unknown[] = []): Promise<T[]> {
    const { rows } = await this.client.query({ text: sql, values: params, rowMode: 'array' });
    return rows.map((row: unknown[]) => row[0] as T);
  }
}

async function copyDatabase(url: string, major: number): Promise<string> {
  const nameOf = (of: string) => new URL(of).pathname.slice(1);
  const copy = await createDatabase(major);
  await asSuperuser(major, `DROP DATABASE ${nameOf(copy)}`);
  await asSuperuser(major, `CREATE DATABASE ${nameOf(copy)} TEMPLATE ${nameOf(url)}`);
  return copy;
}

/** Broken, repaired by hand where that is needed, and deployed. */
export async function repaired(incident: Incident, major: number): Promise<IncidentDatabase> {
  const database = await IncidentDatabase.create(incident, major);
  const outcome = await database.deploy();
  if (outcome.status !== 'done') {
    await database.repairByHand();
    await database.repair();
  }
  return database;
}
