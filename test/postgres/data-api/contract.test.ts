import { afterAll } from 'vitest';
import { connectDataApi } from '../../../lambda/postgres/data-api/database';
import { type DataApiEndpoint, startDataApi } from '../../support/aws/data-api';
import { majors } from '../../support/database';
import { startProxy, type TcpProxy } from '../../support/proxy';
import { databaseContract } from '../contract';

const proxies: TcpProxy[] = [];
const endpoints: DataApiEndpoint[] = [];
const IDLE_TRANSACTION_MS = 1_500;

databaseContract('Data API', majors(), async (databaseUrl) => {
  const url = new URL(databaseUrl);
  const endpoint = await startDataApi({
    host: url.hostname,
    port: Number(url.port),
    secret: { username: url.username, password: url.password },
    limits: { idleTransactionMs: IDLE_TRANSACTION_MS },
  });
  endpoints.push(endpoint);
  return {
    lockOutlivesDeathMs: IDLE_TRANSACTION_MS,
    connect: async () => {
      const { port } = new URL(endpoint.url);
      const proxy = await startProxy({ target: { host: '127.0.0.1', port: Number(port) } });
      proxies.push(proxy);
      const db = await connectDataApi({
        clusterArn: endpoint.clusterArn,
        secretArn: endpoint.secretArn,
        database: url.pathname.slice(1),
        clientConfig: { ...endpoint.clientConfig, endpoint: `http://127.0.0.1:${proxy.port}` },
        keepAliveMs: 500,
      });
      return { db, kill: () => proxy.close() };
    },
  };
});

afterAll(async () => {
  await Promise.all(proxies.map((proxy) => proxy.close().catch(() => {})));
  await Promise.all(endpoints.map((endpoint) => endpoint.close()));
});
