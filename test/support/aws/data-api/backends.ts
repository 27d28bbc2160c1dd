/** Connections to the server behind the endpoint. As with the service, no call can rely on getting the same one again. */
import { Client, type QueryArrayResult } from 'pg';
import type { Bound } from './fields';

export interface Login {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

export interface Backend {
  readonly client: Client;
  readonly pid: number;
  broken: boolean;
}

/** Two connections that wait are enough to make neighboring calls use different ones. */
const SPARE = 2;

export class Backends {
  private readonly idle = new Map<string, Backend[]>();
  private readonly all = new Set<Backend>();

  /** Not the one that was given back last. */
  async take(login: Login): Promise<Backend> {
    const spare = this.idle.get(keyOf(login)) ?? [];
    while (spare.length >= SPARE) {
      const backend = spare.shift()!;
      if (!backend.broken) return backend;
    }
    return this.open(login);
  }

  /** Nothing of a session outlives its call. */
  async giveBack(login: Login, backend: Backend): Promise<void> {
    try {
      if (backend.broken) throw new Error('the connection is broken');
      await backend.client.query('DISCARD ALL');
      const spare = this.idle.get(keyOf(login)) ?? [];
      if (spare.length > SPARE) throw new Error('enough of them');
      this.idle.set(keyOf(login), [...spare, backend]);
    } catch {
      this.drop(backend);
    }
  }

  drop(backend: Backend): void {
    this.all.delete(backend);
    backend.broken = true;
    backend.client.end().catch(() => {});
  }

  /** A statement may still be running: the socket is closed, not the session. */
  close(): void {
    for (const backend of this.all) {
      backend.broken = true;
      const { connection } = backend.client as unknown as { connection: { stream: { destroy(): void } } };
      connection.stream.destroy();
    }
    this.all.clear();
  }

  private async open(login: Login): Promise<Backend> {
    const client = new Client({ ...login, application_name: 'rds-data-api', ssl: false });
    const backend = { client, pid: 0, broken: false };
    client.on('error', () => {
      backend.broken = true;
    });
    try {
      await client.connect();
    } catch (error) {
      client.end().catch(() => {});
      throw error;
    }
    backend.pid = (client as unknown as { processID: number }).processID;
    this.all.add(backend);
    return backend;
  }
}

/** One statement by the extended protocol, in which the server itself refuses a second one. Results stay text. */
export async function send(backend: Backend, bound: Bound): Promise<QueryArrayResult<(string | null)[]>> {
  // The driver takes parameter types from the same place as its parsers.
  const parameterTypes = Object.assign([...bound.types], { getTypeParser: () => (raw: string) => raw });
  return (await backend.client.query({
    text: bound.sql,
    values: bound.values,
    rowMode: 'array',
    queryMode: 'extended',
    types: parameterTypes,
  } as never)) as unknown as QueryArrayResult<(string | null)[]>;
}

const keyOf = (login: Login): string => JSON.stringify(login);
