/**
 * A TCP proxy in front of PostgreSQL: adds latency, counts round trips, cuts connections, hangs. For fault tests and
 * for `npm run bench`.
 */
import { createServer, connect as dial, type Socket } from 'node:net';

export interface ProxyOptions {
  readonly target: { readonly host: string; readonly port: number };
  /** Round-trip time that is added, milliseconds: half of it each way. @default 0 */
  readonly delayMs?: number;
  /** Called before the client gets the answer that ends round trip `n` (from 1); may call `cut`. */
  readonly onRoundTrip?: (n: number) => void;
}

export interface TcpProxy {
  readonly host: string;
  readonly port: number;
  /** The same URL, through the proxy and without TLS, which would hide the messages that are counted. */
  url(direct: string): string;
  /** ReadyForQuery messages since the start, those that end a connection's start-up excluded. */
  roundTrips(): number;
  /** Breaks every connection, on both sides. New ones are accepted. */
  cut(): void;
  /** From now on nothing gets through, and nobody is told: a network that hangs. */
  pause(): void;
  resume(): void;
  close(): Promise<void>;
}

export async function startProxy(options: ProxyOptions): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let paused = false;
  let roundTrips = 0;
  const track = (socket: Socket): Socket => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    if (paused) socket.pause();
    return socket;
  };
  const server = createServer((incoming) => {
    const client = track(incoming);
    const upstream = track(dial(options.target));
    const count = readyForQueryCounter();
    forward(client, upstream, options.delayMs ?? 0, () => {});
    forward(upstream, client, options.delayMs ?? 0, (chunk) => {
      for (let n = count(chunk); n > 0; n--) {
        roundTrips++;
        options.onRoundTrip?.(roundTrips);
      }
    });
  });
  await new Promise<void>((ready, failed) => server.once('error', failed).listen(0, '127.0.0.1', ready));
  const { port } = server.address() as { port: number };
  const cut = () => {
    for (const socket of [...sockets]) socket.destroy();
  };
  return {
    host: '127.0.0.1',
    port,
    url: (direct) => {
      const url = new URL(direct);
      url.host = `127.0.0.1:${port}`;
      url.searchParams.set('sslmode', 'disable');
      return url.href;
    },
    roundTrips: () => roundTrips,
    cut,
    pause: () => {
      paused = true;
      for (const socket of sockets) socket.pause();
    },
    resume: () => {
      paused = false;
      for (const socket of sockets) socket.resume();
    },
    close: async () => {
      const closed = new Promise<void>((done) => server.close(() => done()));
      cut();
      await closed;
    },
  };
}

/** Each chunk is late by the same time, so their order and the throughput stay as they are. */
function forward(from: Socket, to: Socket, delayMs: number, look: (chunk: Buffer) => void): void {
  const later = (send: () => void) => (delayMs > 0 ? setTimeout(send, delayMs / 2) : send());
  from.on('data', (chunk: Buffer) => {
    look(chunk);
    later(() => to.destroyed || to.write(chunk));
  });
  from.on('end', () => later(() => to.end()));
  from.on('close', () => later(() => to.destroy()));
}

/**
 * Reads a server's stream of messages (type byte, length of four bytes, body) however it is cut into chunks.
 * https://www.postgresql.org/docs/current/protocol-message-formats.html
 */
function readyForQueryCounter(): (chunk: Buffer) => number {
  let pending: Buffer = Buffer.alloc(0);
  let skip = 0;
  let started = false;
  let ready = 0;
  let encrypted = false;
  return (chunk) => {
    if (encrypted) return 0;
    let counted = 0;
    pending = pending.length > 0 ? Buffer.concat([pending, chunk]) : chunk;
    for (;;) {
      const step = Math.min(skip, pending.length);
      skip -= step;
      pending = pending.subarray(step);
      if (skip > 0 || pending.length === 0) return counted;
      const type = String.fromCharCode(pending[0]!);
      // The answers to SSLRequest and GSSENCRequest are one byte, before the first message (R, E or v).
      if (!started && (type === 'S' || type === 'G')) encrypted = true;
      if (encrypted) return counted;
      if (!started && type === 'N') {
        skip = 1;
        continue;
      }
      if (pending.length < 5) return counted;
      started = true;
      skip = 1 + pending.readUInt32BE(1);
      if (type === 'Z' && ready++ > 0) counted++;
    }
  };
}
