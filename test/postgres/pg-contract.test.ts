import { afterAll } from 'vitest';
import { connectPg } from '../../lambda/postgres/pg';
import { majors } from '../support/database';
import { startProxy, type TcpProxy } from '../support/proxy';
import { databaseContract } from './contract';

const proxies: TcpProxy[] = [];

databaseContract('pg', majors(), async (url) => {
  const { hostname, port } = new URL(url);
  return {
    lockOutlivesDeathMs: 0,
    connect: async () => {
      const proxy = await startProxy({ target: { host: hostname, port: Number(port) } });
      proxies.push(proxy);
      return { db: await connectPg({ url: proxy.url(url) }), kill: () => proxy.close() };
    },
  };
});

afterAll(async () => {
  await Promise.all(proxies.map((proxy) => proxy.close().catch(() => {})));
});
